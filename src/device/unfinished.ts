/**
 * What a device began and did not finish is pushed on by whatever is done next: a success that too few nodes know of, a
 * registration, a replacement that was announced. Nothing is guessed and nothing is asked.
 */
import { HoldfastError } from '../base/errors.ts';
import type { VaultClient } from '../client/vault-client.ts';
import type { Deposited } from '../quorum/client/deposit.ts';
import { PASSCODE, RECOVERY_CODE, type WayIn } from '../vault/slot.ts';
import { recipientOfNote } from './deposited.ts';
import type { DeviceHome, Profile } from './home.ts';
import { describeSeconds, nameOf } from './names.ts';
import type { Say } from './say.ts';
import { type DeviceSession, depositAt } from './session.ts';

/** @returns the profile as it is now */
export async function finishBusiness(home: DeviceHome, profile: Profile, session: DeviceSession, say: Say): Promise<Profile> {
  await finish(session.client, RECOVERY_CODE, say);
  const outcome = await finish(session.client, PASSCODE, say);
  if (outcome?.kind !== 'deposited') return profile;
  // A deletion in a fleet that the key has moved from says nothing of where it is now.
  if (profile.backup !== undefined && profile.backup.fleet !== session.client.fleet) return profile;
  const recipient = recipientOfNote(outcome.note);
  if (recipient === profile.backup?.recipient) return profile;
  const { backup: _, ...rest } = profile;
  const now = recipient === undefined ? rest : { ...rest, backup: depositAt(session, recipient) };
  await home.save(now);
  say(
    `what was begun before is done: ${recipient === undefined ? 'the backup key is deleted' : 'the passcode that you chose then is in force'}`,
  );
  return now;
}

async function finish(client: VaultClient, way: WayIn, say: Say): Promise<Deposited | undefined> {
  try {
    await client.push(way);
    const outcome = await client.finish(way);
    const waits = outcome !== undefined && describe(outcome, nameOf(way));
    if (waits) say(waits);
    return outcome;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === 'alarm') throw error;
    say(`not finished yet, and saved: ${error.message}`);
    return undefined;
  }
}

function describe(outcome: Deposited, name: string): string | undefined {
  switch (outcome.kind) {
    case 'deposited':
      return undefined;
    case 'waiting':
      return `the announced change of your ${name} waits ${describeSeconds(outcome.secondsLeft)} more`;
    case 'superseded':
      return `the change of your ${name} that was begun here was overtaken by another device's`;
    case 'refused':
    case 'unfinished': {
      const refusals = outcome.refusals.map(({ refusal }) => refusal);
      return refusals.some(({ refused }) => refused === 'cancelled')
        ? `the owner of the account objected to the change of the ${name} that was begun here: it is dropped`
        : `the change of your ${name} that was begun here is not done: ${[...new Set(refusals.map(({ message }) => message))].join('; ')}`;
    }
  }
}
