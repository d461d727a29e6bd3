/** Drives the client's machines: their effects become cryptography, a durable memo and calls to the fleet. */
import type { Envelope, PublicOperation } from '../api/bodies.ts';
import { parseEvents } from '../api/events.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Call, Client, ClientEffect, ClientMachine, Dealt, Feed, Heard } from '../quorum/client/effects.ts';
import { clientKeyId } from '../vault/client-key.ts';
import { slotId } from '../vault/slot.ts';
import { encodeMessage } from '../wire/message.ts';
import type { FleetHttp } from './fleet-http.ts';
import type { ClientKey } from './key.ts';
import type { MemoStore } from './memo.ts';
import { blindInput, type Input, openRegistration, type Tools } from './open.ts';

/** Shorter than what nodes accept, longer than a slow evening at a slow node. */
const REQUEST_LIFETIME_SECONDS = 120;
/** One call through the fleet: longer than a node's whole conversation with the others. */
const CALL_LIMIT_MS = 30_000;

export interface Session {
  readonly fleet: Fleet;
  readonly http: FleetHttp;
  readonly pass: Secret<string>;
  readonly clientKey: ClientKey;
  readonly memos: MemoStore;
  readonly clock: Clock;
  /** How long one operation waits for nodes, in all. */
  readonly patienceMs: number;
  readonly tools: Tools;
}

/** What the person brought for this one operation. */
export interface Brought {
  readonly input?: Input;
  readonly deal?: (generation: number) => Promise<Dealt> | Dealt;
}

/** @throws `no-quorum` also when its patience is over: nodes that hang, or lie, do not hold a person for ever */
export async function driveClient<T>(session: Session, client: Client, machine: ClientMachine<T>, brought: Brought): Promise<T> {
  let step = machine.next();
  let leftMs = session.patienceMs;
  while (!step.done) {
    let result: unknown;
    try {
      if (step.value.kind === 'call') {
        const beganMs = session.clock();
        result = await call(session, client, step.value.call, leftMs).finally(() => {
          leftMs -= session.clock() - beganMs;
        });
      } else result = await perform(session, client, step.value, brought);
    } catch (error) {
      step = machine.throw(error);
      continue;
    }
    step = machine.next(result);
  }
  return step.value;
}

async function perform(
  session: Session,
  client: Client,
  effect: Exclude<ClientEffect, { kind: 'call' }>,
  { input, deal }: Brought,
): Promise<unknown> {
  const { tools, memos, http } = session;
  const slot = slotId(client.place);
  switch (effect.kind) {
    case 'recall':
      return memos.load(slot);
    case 'keep':
      return memos.save(slot, effect.memo);
    case 'request':
      return signRequest(session, effect);
    case 'turn':
      return http.turn();
    case 'deal':
      return present(deal)(effect.generation);
    case 'blind':
      return blindInput(present(input), tools.random, effect.blind);
    case 'open':
      return openRegistration(client.fleet, effect.registration, present(input), effect.blind, effect.answers, tools);
  }
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('bug: this operation needs what the person did not bring');
  return value;
}

async function signRequest({ fleet, clientKey, clock, tools }: Session, effect: ClientEffect & { kind: 'request' }) {
  const { kind: _, ...fields } = effect;
  const nonce = tools.random(32);
  const expiry = BigInt(Math.floor(clock() / 1000) + REQUEST_LIFETIME_SECONDS);
  const signer = clientKeyId(clientKey.publicKey);
  const bytes = encodeMessage('client/request', { ...fields, fleet: fleet.id, signer, nonce, expiry });
  return { request: { bytes, signature: await clientKey.sign(bytes) }, nonce };
}

const operations: Record<Call['op'], PublicOperation> = {
  status: 'status',
  register: 'register',
  activate: 'activate',
  attempt: 'attempt',
  confirm: 'confirm',
  cancel: 'cancel',
  events: 'events',
  wait: 'wait',
};

async function call({ http, pass, clientKey }: Session, { place }: Client, { op, ...own }: Call, leftMs: number): Promise<Heard> {
  if (leftMs <= 0) fail('no-quorum', 'too few nodes answered in time');
  const credentials = { pass, clientKey: clientKey.publicKey, way: place.way };
  const { said, refused, votes, standing, lock, events }: Envelope = await http.call(
    operations[op],
    credentials,
    own,
    Math.min(leftMs, CALL_LIMIT_MS),
  );
  return {
    said,
    refused,
    ...(votes && { votes }),
    ...(standing && { standing }),
    ...(lock && { lock }),
    ...(events && { feeds: events.flatMap(feedOf) }),
  };
}

/** What is no feed counts as silence of its node. */
function feedOf({ node, events: text }: NonNullable<Envelope['events']>[number]): readonly Feed[] {
  try {
    return [{ node, text, events: parseEvents(text) }];
  } catch (error) {
    if (error instanceof HoldfastError) return [];
    throw error;
  }
}
