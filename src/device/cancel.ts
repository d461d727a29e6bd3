/**
 * The owner objects to everything that waits for this account: with the owner key of this device, which asks for nothing; else
 * with any way in, which costs one guess that success refills.
 */
import type { VaultClient } from '../client/vault-client.ts';
import type { Announced, Objector } from '../quorum/client/cancel.ts';
import type { SeenEvent } from '../quorum/client/events.ts';
import { PASSCODE, RECOVERY_CODE, type WayIn } from '../vault/slot.ts';
import type { DeviceHome } from './home.ts';
import { objectorIn } from './owner.ts';
import { type Bring, recoverKey } from './recovery.ts';
import type { Say } from './say.ts';
import type { DeviceSession } from './session.ts';
import { visit } from './visit.ts';

export interface Waiting extends Announced {
  /** The way in that it would replace or add. */
  readonly way: WayIn;
}

export interface ObjectedTo extends Waiting {
  readonly outcome: 'cancelled' | 'late' | 'unfinished';
  /** How many nodes say so themselves. */
  readonly nodes: number;
}

/**
 * @param list called with what waits, before the person is asked
 * @returns what was objected to; nothing waits: nothing, and nothing is asked for
 * @throws `wrong-passcode`, `locked`, `not-found`, `no-quorum`
 */
export function cancelAnnounced(
  home: DeviceHome,
  bring: Bring,
  list: (waiting: readonly Waiting[]) => void,
  say: Say,
): Promise<readonly ObjectedTo[]> {
  return visit(home, say, async (session) => {
    const waiting = await tellWaiting(session);
    list(waiting);
    if (waiting.length === 0) return [];
    const { client, profile } = session;
    const by = (await objectorIn(profile, client)) ?? (await objectorBy(client, bring, say));
    const done: ObjectedTo[] = [];
    for (const { way, ...announced } of waiting) {
      const objected = await client.cancel(way, announced, by);
      done.push({ way, ...announced, outcome: objected.kind, nodes: objected.kind === 'late' ? 0 : objected.stands.length });
    }
    return done;
  });
}

async function objectorBy(client: VaultClient, bring: Bring, say: Say): Promise<Objector> {
  const { registration, opened } = (await recoverKey(client, bring, say)).authority;
  return { registration, owner: opened.owner };
}

/** What waits for this account, in every way in. @throws `no-quorum` */
export async function tellWaiting({ client }: DeviceSession): Promise<readonly Waiting[]> {
  const { events } = await client.events(PASSCODE);
  const all: Waiting[] = [];
  for (const way of [PASSCODE, RECOVERY_CODE]) {
    const slot = client.slot(way);
    const { registration } = await client.status(way);
    const of = events.filter((event) => event.slot === slot);
    all.push(...waitingOf(of, registration?.generation ?? 0).map((announced) => ({ way, ...announced })));
  }
  return all;
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
