/** What one seed is about: the fleet, who is against it, and how much goes wrong. All drawn from the seed. */
import type { Policy } from '../../src/vault/policy.ts';
import type { FaultRates } from './faults.ts';
import { Chance } from './random.ts';

/** Test files that share the seeds, so that they run side by side. */
export const PARTS = 4;

export const PROFILES = [
  'crashes',
  'restored disks',
  'rolled back',
  'lying coordinators',
  'compromised',
  'liars without login',
  'bad days',
] as const;
export type Profile = (typeof PROFILES)[number];

export type OwnerAct = 'deposit' | 'replace' | 'delete' | 'recover' | 'mistype' | 'push' | 'cancel';
export type AdversaryAct = 'repeat' | 'burn' | 'redeem' | 'mix' | 'swap' | 'guess' | 'announce' | 'roll back' | 'forget success' | 'forge';

export interface Activity {
  readonly ownerPauseMs: number;
  readonly adversaryPauseMs: number;
  readonly owner: Readonly<Partial<Record<OwnerAct, number>>>;
  /** Empty: he only listens. */
  readonly adversary: Readonly<Partial<Record<AdversaryAct, number>>>;
}

export interface Plan {
  readonly seed: number;
  readonly profile: Profile;
  readonly size: 3 | 5 | 7;
  readonly quorum: number;
  readonly policy: Policy;
  readonly devices: number;
  readonly tokenClass: 'device' | 'host';
  readonly rates: FaultRates;
  readonly activity: Activity;
  /** Positions. */
  readonly compromised: readonly number[];
  readonly lying: readonly number[];
  /** Those that die for good, sooner or later; with the compromised ones still fewer than keep a restarted member from voting. */
  readonly lost: readonly number[];
  /** The one whose token may be put back: the quorum's argument (member/rollback.ts) bears one that forgets at a time. */
  readonly victim: number | undefined;
  /** Every so often a node is stopped, and may find an older disk or token when it starts. */
  readonly restores: boolean;
  readonly lengthMs: number;
  readonly guessDelaysMs: readonly number[];
}

export function planOf(seed: number): Plan {
  const chance = new Chance(seed ^ 0x5bd1e995);
  // Seeds are shared out by their remainder (run.ts): every part gets every profile.
  const profile = PROFILES[Math.floor(seed / PARTS) % PROFILES.length] as Profile;
  const size = chance.pick([3, 3, 5, 5, 7] as const);
  const least = Math.floor(size / 2) + 1;
  const quorum = chance.happens(0.8) ? least : chance.between(least, size - 1);
  const positions = Array.from({ length: size }, (_, i) => i);
  const crashesOnly = profile === 'crashes';
  const withLiars = profile === 'lying coordinators' || profile === 'compromised' || profile === 'liars without login';
  const withTraitors = profile === 'compromised' || (profile === 'liars without login' && chance.happens(0.6));
  // More could hold up every quorum for good: then nothing is lost, but nothing can be shown to work either.
  const most = Math.min(quorum - 1, size - quorum);
  // A member comes back on the word of n-q+1 others (quorum/coordinator/rejoin.ts): so many may be dead, or liars.
  const spare = profile === 'bad days' ? chance.shuffled(positions).slice(0, Math.min(quorum - 2, size - quorum)) : [];
  const liars = chance.between(0, spare.length);
  return {
    seed,
    profile,
    size,
    quorum,
    policy: {
      guesses: chance.pick(profile === 'rolled back' ? [3, 10, 10] : [2, 3, 3, 5, 10]),
      coolingOffSeconds: chance.pick([10, 40]),
      graceSeconds: chance.pick([0, 0, 5, 20]),
    },
    devices: chance.pick([1, 2, 2]),
    tokenClass: profile === 'rolled back' || profile === 'bad days' || (crashesOnly && chance.happens(0.5)) ? 'host' : 'device',
    rates: {
      lost: chance.pick([0, 0.02, 0.1]),
      duplicated: chance.pick([0, 0.05, 0.2]),
      slow: chance.pick([0, 0.05, 0.2]),
      held: chance.pick([0, 0.005, 0.03]),
      killed: chance.pick([0, 0.002, 0.01]),
      deviceKilled: chance.pick([0, 0.02, 0.06]),
      partitioned: chance.pick([0, 1, 3]),
    },
    activity: {
      ownerPauseMs: chance.pick([2000, 6000]),
      adversaryPauseMs: chance.pick([300, 1500]),
      owner: { deposit: 0.4, replace: 1, delete: 0.3, recover: 4, mistype: chance.pick([0.5, 3]), push: 1, cancel: 1 },
      adversary: hostileActs(profile),
    },
    lost: spare.slice(liars),
    compromised:
      profile === 'bad days' ? spare.slice(0, liars) : withTraitors ? chance.shuffled(positions).slice(0, chance.between(1, most)) : [],
    lying: withLiars ? chance.some(positions) : [],
    victim: profile === 'rolled back' ? chance.pick(positions) : undefined,
    restores: profile === 'restored disks' || profile === 'rolled back',
    lengthMs: chance.pick([40_000, 80_000]),
    // What is searched for with tokens that are put back takes many guesses in a short time.
    guessDelaysMs: profile === 'rolled back' ? [] : chance.pick([[], [], [0, 3000], [1000, 8000]]),
  };
}

function hostileActs(profile: Profile): Activity['adversary'] {
  const hostile = { repeat: 4, burn: 6, redeem: 6, mix: 1, swap: 1, guess: 2, forge: 1, announce: 0.3 };
  switch (profile) {
    case 'crashes':
    case 'bad days':
      return {};
    case 'liars without login':
      return { repeat: 1 };
    case 'rolled back':
      return { repeat: 1, redeem: 1, burn: 0.3, guess: 0.2, forge: 0.2, announce: 0.1, 'roll back': 6, 'forget success': 0.7 };
    default:
      return hostile;
  }
}
