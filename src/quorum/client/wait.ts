/**
 * How long until the next guess is counted, as members say it (member/wait.ts), of what was refused as of what is asked. At most n-q
 * members lie, so of their words the (n-q+1)-th largest is at most what an honest one says: they cannot make a person wait who need
 * not, and if they say too little, the next guess is refused again and costs nothing.
 */
import { equalBytes, type Id, NO_ID } from '../../base/bytes.ts';
import { slotId } from '../../vault/slot.ts';
import type { Message } from '../../wire/message.ts';
import { act, type Client, type ClientMachine, type Heard } from './effects.ts';
import { ifAnswered, nextNumber, readHeard } from './status.ts';

type Wait = Message<'node/wait'>;

/** Those that are about just this, and answer this request. */
export function readWaits(
  client: Client,
  about: { readonly slot: Id } & Partial<Pick<Wait, 'generation' | 'digest' | 'attempt'>>,
  said: Heard['said'],
  nonce: Uint8Array,
): readonly Wait[] {
  const same = (one: Wait) =>
    (['slot', 'generation', 'digest', 'attempt'] as const).every((field) => about[field] === undefined || about[field] === one[field]);
  return readHeard(client, 'node/wait', said).filter((one) => same(one) && equalBytes(one.nonce, nonce));
}

/** 0 also when fewer say so than may lie. */
export function believedMs({ fleet }: Client, waits: readonly Wait[]): number {
  const told = waits.map((one) => one.waitMs);
  return nextNumber(told, fleet) - 1;
}

/** @returns 0 for now, and for what nobody says: nodes of a release that knows no delays do not know the question either */
export function* askWait(client: Client): ClientMachine<number> {
  const slot = slotId(client.place);
  if (client.place.way.kind !== 'passcode') return 0;
  const { request, nonce } = yield* act('request', { operation: 'wait', slot, generation: 0, digest: NO_ID, attempt: 0, body: NO_ID });
  const heard = yield* ifAnswered(act('call', { call: { op: 'wait', request } }));
  return believedMs(client, readWaits(client, { slot }, heard?.said ?? [], nonce));
}
