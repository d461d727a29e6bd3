/**
 * The owner objects to a registration that was announced in a slot of the account, with the owner key. At q nodes it stands for
 * good: the others are fewer than a registration needs, and catch-up tells them too. Only the owner key itself overrules it.
 *
 * Where it stands is read from the nodes' signed feeds afterwards, never from the coordinator's reply, which nobody signed.
 * (Attack: a coordinator that drops the objection and says that all nodes took it; the owner goes away content, and the
 * announced registration comes into force.) A coordinator that drops objection and feeds alike is gone round by the next.
 */
import type { Id } from '../../base/bytes.ts';
import { assert } from '../../base/errors.ts';
import type { Registration } from '../../vault/registration.ts';
import { slotId } from '../../vault/slot.ts';
import { keyId, signMessage } from '../../wire/signed.ts';
import { act, type Client, type ClientMachine, type Heard, type Owner } from './effects.ts';
import { askEvents } from './events.ts';
import { askStatus } from './status.ts';

/** As an event of kind `announced` names it. */
export interface Announced {
  readonly generation: number;
  readonly digest: Id;
}

/** The owner key, and a registration in force that names it: of any way in of the account. */
export interface Objector {
  readonly registration: Registration;
  readonly owner: Owner;
}

export type Objected =
  /** `stands`: the nodes that say so themselves, at least a quorum. */
  | { readonly kind: 'cancelled'; readonly stands: readonly Id[] }
  /** Too late: this registration, of that generation or a later one, is in force. */
  | { readonly kind: 'late'; readonly registration: Registration }
  /** Fewer than a quorum say so; what stands stays, and the same call again goes on. The refusals are the coordinator's word. */
  | { readonly kind: 'unfinished'; readonly stands: readonly Id[]; readonly refusals: Heard['refused'] };

/**
 * @param client of the slot that the registration was announced in
 * @throws `no-quorum`
 */
export function* cancel(client: Client, { generation, digest }: Announced, { registration: by, owner }: Objector): ClientMachine<Objected> {
  const { tenant, account } = by.core.place;
  assert(tenant === client.place.tenant && account === client.place.account, 'an objection by a way in of another account');
  const signer = keyId(owner.publicKey);
  const slot = slotId(client.place);
  const what = { fleet: client.fleet.id, signer, slot, generation, digest, bySlot: by.slot };
  const cancelled = { by: by.core.place, cancel: signMessage('unlock/cancel', what, owner.sign) };
  let outcome: Objected = { kind: 'unfinished', stands: [], refusals: [] };
  for (let turns = 0; turns < client.fleet.nodes.length; turns += 1) {
    const { registration } = yield* askStatus(client);
    if (registration !== undefined && registration.generation >= generation) return { kind: 'late', registration };
    const { refused } = yield* act('call', { call: { op: 'cancel', cancelled } });
    const { events } = yield* askEvents(client);
    const told = events.find((one) => one.kind === 'cancelled' && one.slot === slot && one.digest === digest);
    const stands = told?.seen.map(({ node }) => node) ?? [];
    if (stands.length >= client.fleet.quorum) return { kind: 'cancelled', stands };
    outcome = { kind: 'unfinished', stands, refusals: refused };
    yield* act('turn', {});
  }
  return outcome;
}
