/** Getting the backup key back with a way in that the person brings: one guess. */
import { setTimeout } from 'node:timers/promises';
import { type BackupKey, recipientOf } from '../backup/key.ts';
import { fail } from '../base/errors.ts';
import { systemClock } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { Input } from '../client/open.ts';
import type { VaultClient } from '../client/vault-client.ts';
import type { Recovered } from '../quorum/client/recover.ts';
import { normalisePasscode } from '../vault/passcode.ts';
import { readRecoveryCode } from '../vault/recovery-code.ts';
import type { WayIn } from '../vault/slot.ts';
import { codesOf, describeWait, nameOf } from './names.ts';
import type { Say } from './say.ts';

/** Asks the person for something secret, only when it is needed. */
export type Ask = () => Promise<string>;

/** The same for something new. @param check throws what is wrong with what was typed, so that it can be asked for again at once */
export type AskNew = (check: (typed: string) => Promise<unknown>) => Promise<string>;

/** Asks once, however often the answer is needed. */
export function askOnce(ask: Ask): Ask {
  let asked: Promise<string> | undefined;
  return () => {
    asked ??= ask();
    return asked;
  };
}

/** The way in that a person wants to use, and how to ask for it. */
export interface Bring {
  readonly way: WayIn;
  readonly ask: Ask;
}

export type Found = Extract<Recovered, { kind: 'opened' }>;

export interface RecoveredKey {
  readonly key: BackupKey;
  readonly recipient: string;
  /** Replaces what this way in opens, without waiting. */
  readonly authority: Found;
}

/** @throws `wrong-passcode`, `rate-limited`, `locked`, `not-found`, `no-quorum`; `malformed` for what cannot be one */
export async function recoverKey(client: VaultClient, { way, ask }: Bring, say: Say): Promise<RecoveredKey> {
  const input = readInput(way, await ask());
  say('asking the fleet for the backup key');
  const authority = expectOpened(await recoverSettled(client, way, input, say), way, systemClock());
  if (authority.liars.length > 0) say(`warning: ${authority.liars.length} node(s) answered falsely: tell the operator`);
  if (!authority.confirmed) say('warning: too few nodes know yet that this succeeded: the next command tells them');
  const key = new Secret(authority.opened.secret);
  return { key, recipient: await recipientOf(key), authority };
}

/** The nodes settle the last guess within minutes; a person waits no longer. */
const SETTLED_MS = 180_000;
const LOOK_AGAIN_MS = 3_000;

/** While another device may be using the last guess, waits and looks again. */
async function recoverSettled(client: VaultClient, way: WayIn, input: Input, say: Say): Promise<Recovered> {
  const begun = performance.now();
  for (;;) {
    const recovered = await client.recover(way, input);
    if (recovered.kind !== 'last-guess' || performance.now() - begun > SETTLED_MS) return recovered;
    const seconds = Math.ceil(Math.max(recovered.waitMs, LOOK_AGAIN_MS) / 1000);
    say(`all guesses are used, and the last one is not settled: another device may be using it. Looking again in ${seconds} s`);
    await setTimeout(seconds * 1000);
  }
}

/** A recovery code that is mistyped is found out here, before the fleet is asked. */
export function readInput(way: WayIn, typed: string): Input {
  return way.kind === 'recovery-code' ? readRecoveryCode(typed) : normalisePasscode(typed);
}

/** When the next guess is counted, in words and for programs. */
function nextGuess({ waitMs }: { readonly waitMs: number }, nowMs: number) {
  if (waitMs === 0) return { allowed: '', evidence: {} };
  const secondsLeft = Math.ceil(waitMs / 1000);
  const allowedAt = new Date(nowMs + waitMs).toISOString();
  return { allowed: `; the next one is allowed ${describeWait(secondsLeft, nowMs)}`, evidence: { secondsLeft, allowedAt } };
}

const LOCKED =
  'A recovery code still opens your backups and sets another passcode at once (holdfast passcode change --recovery-code); without one: holdfast passcode set --new-key';

function expectOpened(recovered: Recovered, way: WayIn, nowMs: number): Found {
  const name = nameOf(way);
  switch (recovered.kind) {
    case 'opened':
      return recovered;
    case 'wrong': {
      const { guessesLeft, sure } = recovered;
      if (way.kind !== 'passcode') return fail('wrong-passcode', `this is not the ${name} of this account`, { sure });
      const { allowed, evidence } = nextGuess(recovered, nowMs);
      const last = sure && guessesLeft === 0;
      const left = last
        ? `that was the last guess. ${LOCKED}`
        : `${guessesLeft} ${guessesLeft === 1 ? 'guess is' : 'guesses are'} left${guessesLeft > 0 ? allowed : ''}`;
      if (!sure) {
        const again = `Try the same ${name} again when more nodes are up: it costs nothing`;
        return fail('no-quorum', `too few nodes answered truly, so it is not known whether the ${name} is right. ${again}`, {
          guessesLeft,
        });
      }
      return fail('wrong-passcode', `the passcode is wrong; ${left}`, { guessesLeft, sure, ...evidence });
    }
    case 'waiting': {
      const { allowed, evidence } = nextGuess(recovered, nowMs);
      const { guessesLeft } = recovered;
      return fail('rate-limited', `too soon after wrong guesses: this one was not made${allowed}`, { guessesLeft, ...evidence });
    }
    case 'last-guess':
      return fail('rate-limited', 'all guesses are used, and too few nodes have settled whether the last one was right: try again later', {
        secondsLeft: Math.ceil(recovered.waitMs / 1000),
      });
    case 'locked':
      return fail(
        'locked',
        `all guesses are used up: the fleet has locked this ${name} for good${way.kind === 'passcode' ? `. ${LOCKED}` : ''}`,
      );
    case 'nothing':
      return fail('not-found', `the fleet holds no backup key under a ${name} for this account`);
    case 'unfinished': {
      const refused = codesOf(recovered.refusals);
      const soon = refused.includes('rate-limited') ? '; nodes say that it is too soon after wrong guesses' : '';
      return fail('no-quorum', `too few nodes answered${soon}; no other guess was made, and the same ${name} goes on with this one`, {
        refused: refused.join(', '),
      });
    }
  }
}
