/** The owner objects to every replacement that waits in the passcode's slot. Costs one guess, which the right passcode refills. */
import type { Announced } from '../quorum/client/cancel.ts';
import type { SeenEvent } from '../quorum/client/events.ts';
import { normalisePasscode } from '../vault/passcode.ts';
import { PASSCODE } from '../vault/slot.ts';
import type { DeviceHome } from './home.ts';
import { type AskPasscode, expectOpened } from './protect.ts';
import { openSession } from './session.ts';

export interface ObjectedTo extends Announced {
  readonly outcome: 'cancelled' | 'late' | 'unfinished';
  /** How many nodes say so themselves. */
  readonly nodes: number;
}

/**
 * @returns what was objected to; nothing waits: nothing, and the passcode is not asked for
 * @throws `wrong-passcode`, `locked`, `not-found`, `no-quorum`
 */
export async function cancelAnnounced(home: DeviceHome, askPasscode: AskPasscode): Promise<readonly ObjectedTo[]> {
  const profile = await home.load();
  const session = await openSession(home, profile, profile.backup?.fleet);
  try {
    const { client } = session;
    const { registration } = await client.status(PASSCODE);
    const slot = client.slot(PASSCODE);
    const { events } = await client.events(PASSCODE);
    const waiting = waitingOf(
      events.filter((event) => event.slot === slot),
      registration?.generation ?? 0,
    );
    if (waiting.length === 0) return [];
    const authority = expectOpened(await client.recover(PASSCODE, normalisePasscode(await askPasscode())));
    const done: ObjectedTo[] = [];
    for (const announced of waiting) {
      const objected = await client.cancel(PASSCODE, announced, authority);
      done.push({ ...announced, outcome: objected.kind, nodes: objected.kind === 'late' ? 0 : objected.stands.length });
    }
    return done;
  } finally {
    await session.close();
  }
}

/**
 * Announced, above the generation in force, and not known as cancelled by more nodes than may lie. A single node's word that
 * something waits is enough to object to it: an objection to what nobody announced changes nothing.
 */
export function waitingOf(events: readonly SeenEvent[], generationInForce: number): readonly Announced[] {
  const cancelled = new Set(events.filter(({ kind, certain }) => kind === 'cancelled' && certain).map(({ digest }) => digest));
  return events
    .filter(({ kind, generation, digest }) => kind === 'announced' && generation > generationInForce && !cancelled.has(digest))
    .map(({ generation, digest }) => ({ generation, digest }));
}
