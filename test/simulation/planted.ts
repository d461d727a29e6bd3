/** Faults to be found: what each does wrong, where it shows, and which laws may say so. */
import { reply } from '../../src/quorum/member/member.ts';
import * as attempt from './faults/attempt.ts';
import * as record from './faults/record.ts';
import { type Machines, REAL } from './machines.ts';
import type { Profile } from './plan.ts';

export interface Planted {
  readonly profiles: readonly Profile[];
  /** The laws that find it: any of them, and no other. */
  readonly breaks: readonly string[];
  readonly machines: Machines;
}

const replying = (reply: Machines['reply']): Machines => ({ ...REAL, reply });
const hostile: readonly Profile[] = ['lying coordinators', 'compromised', 'restored disks'];

export const PLANTED: Readonly<Record<string, Planted>> = {
  'votes twice for one number': { profiles: hostile, breaks: ['vote once', 'law 1', 'delays'], machines: replying(attempt.votesTwice) },
  'signs a repeat again when its store lost it': {
    profiles: ['restored disks'],
    breaks: ['vote once', 'law 1'],
    machines: replying(attempt.signsARepeatAgain),
  },
  'ignores the budget': { profiles: hostile, breaks: ['law 1', 'delays', 'only upwards'], machines: replying(attempt.ignoresTheBudget) },
  'answers without counting': { profiles: hostile, breaks: ['law 3'], machines: replying(attempt.answersUncounted) },
  'answers without the votes of a quorum': { profiles: hostile, breaks: ['law 1'], machines: replying(attempt.answersUncertified) },
  'answers to votes from before a restart': { profiles: ['rolled back'], breaks: ['law 1'], machines: replying(attempt.ignoresRestarts) },
  'counts what it refuses': { profiles: hostile, breaks: ['law 5'], machines: replying(attempt.countsWhatItRefuses) },
  'folds counters field by field': {
    profiles: hostile,
    breaks: ['law 1', 'delays', 'liveness', 'convergence'],
    machines: replying(record.foldsFieldByField),
  },
  'activates an equal generation again': { profiles: hostile, breaks: ['only upwards'], machines: replying(record.activatesAgain) },
  'confirms without a quorum certificate': {
    profiles: hostile,
    breaks: ['law 1', 'law 8', 'delays', 'liveness', 'convergence'],
    machines: replying(record.confirmsUncertified),
  },
  'counts guesses at once': {
    profiles: hostile,
    breaks: ['delays'],
    machines: replying((member, ask, self) => reply({ ...member, guessDelaysMs: [] }, ask, self)),
  },
  'erases on its own view': { profiles: ['crashes'], breaks: ['law 8'], machines: { ...REAL, erase: record.erasesOnItsOwnView } },
  'accepts catch-up unproven': {
    profiles: hostile,
    breaks: ['law 1', 'liveness', 'convergence'],
    machines: { ...REAL, learn: record.learnsUnproven },
  },
  'replaces at once': { profiles: hostile, breaks: ['cooling-off'], machines: replying(record.replacesAtOnce) },
  'rejoins on one word': { profiles: ['rolled back'], breaks: ['law 1'], machines: { ...REAL, rejoin: record.rejoinsOnOneWord } },
  'quarantines itself for a lost start': {
    profiles: ['bad days'],
    breaks: ['liveness'],
    machines: { ...REAL, rejoin: record.condemnsLostStarts },
  },
  'wants more members than live': { profiles: ['bad days'], breaks: ['liveness'], machines: { ...REAL, rejoin: record.waitsForAll } },
  'takes its first start for its past': { profiles: ['rolled back'], breaks: ['law 1'], machines: { ...REAL, remembersVouched: false } },
  'states a lock before it asked for confirmations': {
    profiles: ['rolled back'],
    breaks: ['law 8', 'liveness', 'convergence'],
    machines: { ...REAL, asksBeforeLock: false },
  },
  'takes numbers from one liar': {
    profiles: ['liars without login'],
    breaks: ['liveness'],
    machines: { ...REAL, fleetOfClients: (fleet) => ({ ...fleet, quorum: fleet.nodes.length }) },
  },
};
