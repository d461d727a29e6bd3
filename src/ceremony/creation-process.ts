/**
 * The process that makes one token and its keys for a ceremony. A process of its own, because SoftHSM and some devices' modules
 * read from the environment, once per process, which token they are to find. Started by remote-creation.ts, which is told
 * facts: no handle, no PIN and no secret leaves this process. PINs come in by file, or by the channel it was started with, which
 * no other process sees.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromBase64url, toBase64url } from '../base/bytes.ts';
import { assert, type Code, type Evidence, fail, HoldfastError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { asRefusal } from '../token/failure.ts';
import {
  type CallHook,
  type Creation,
  initialiseToken,
  type KeyFacts,
  type KeySpec,
  lookAtSlot,
  openCreation,
  type SlotConfig,
  type Targets,
} from '../token/index.ts';
import type { Facts } from './plan.ts';

export interface TokenPlace extends SlotConfig {
  readonly profile?: string;
}

/** The PIN itself, or a file whose first line is one. */
export type Pin = { readonly pin: string } | { readonly file: string };

export type Order =
  | { readonly op: 'look'; readonly place: TokenPlace }
  | { readonly op: 'initialise'; readonly place: TokenPlace; readonly soPin: Pin; readonly pin: Pin }
  | { readonly op: 'open'; readonly place: TokenPlace; readonly pin: Pin }
  | { readonly op: 'probe' | 'describe' | 'readPages' | 'destroyData' }
  | { readonly op: 'tryMisuse'; readonly targets?: Targets }
  | { readonly op: 'createKey' | 'readKey' | 'destroyKey'; readonly spec: KeySpec }
  | { readonly op: 'sign'; readonly spec: KeySpec; readonly bytes: string }
  | { readonly op: 'createPages'; readonly pages: number };

export interface Failure {
  readonly code?: Code;
  readonly message: string;
  readonly evidence: Evidence;
}

/** One per order, in their order. `calls`: every PKCS#11 call that was made for it. */
export type Answer = ({ readonly facts: Facts | undefined } | { readonly failure: Failure }) & { readonly calls: readonly string[] };

let creation: Creation | undefined;
let calls: string[] = [];
const hook: CallHook = (call, given) => {
  const said = given();
  calls.push(said === '' ? call : `${call} ${said}`);
};

process.on('message', (order: Order) => {
  calls = [];
  process.send?.(answer(order));
});
process.on('disconnect', () => process.exit());

function answer(order: Order): Answer {
  try {
    return { facts: obey(order), calls };
  } catch (error) {
    const refused = asRefusal(error);
    if (!(refused instanceof HoldfastError)) return { failure: { message: String(refused), evidence: {} }, calls };
    return { failure: { code: refused.code, message: refused.message, evidence: refused.evidence }, calls };
  }
}

function obey(order: Order): Facts | undefined {
  switch (order.op) {
    case 'look':
      return { ...lookAtSlot(order.place, hook), module: createHash('sha256').update(readFileSync(order.place.module)).digest('hex') };
    case 'initialise':
      initialiseToken(order.place, readPin(order.soPin), readPin(order.pin), hook);
      return undefined;
    case 'open':
      creation = openCreation({ ...order.place, pin: readPin(order.pin) }, hook);
      return undefined;
    default:
      assert(creation !== undefined, 'the token is opened first');
      return obeyInside(creation, order);
  }
}

function obeyInside(inside: Creation, order: Exclude<Order, { readonly op: 'look' | 'initialise' | 'open' }>): Facts | undefined {
  switch (order.op) {
    case 'probe':
      return probed(inside);
    case 'describe':
      return described(inside);
    case 'createKey':
      inside.createKey(order.spec);
      return undefined;
    case 'readKey':
      return inside.has(order.spec) ? keyFacts(inside.readBack(order.spec)) : undefined;
    case 'destroyKey':
      inside.destroyKey(order.spec);
      return undefined;
    case 'destroyData':
      inside.destroyData();
      return undefined;
    case 'sign':
      return { signature: toBase64url(inside.sign(order.spec, fromBase64url(order.bytes))) };
    case 'createPages':
      inside.createPages(order.pages);
      return undefined;
    case 'readPages':
      return pagesFacts(inside);
    case 'tryMisuse':
      return misuseFacts(inside, order.targets);
  }
}

function readPin(from: Pin): Secret<string> {
  if ('pin' in from) return new Secret(from.pin);
  const [pin] = readFileSync(from.file, 'utf8').split('\n');
  return pin ? new Secret(pin) : fail('configuration', 'the PIN file is empty', { file: from.file });
}

/** What the device is, and how many objects are in it. */
function described(of: Creation): Facts {
  const { profile, model, manufacturer, serial } = of.describe();
  const { name, class: kept, simulated } = profile;
  return { model, manufacturer, serial, profile: name, class: kept, simulated, objects: of.objects() };
}

/** Also how it opens a node's shares, found by doing it. */
function probed(of: Creation): Facts {
  const { suite } = of.probe();
  return { ...described(of), wrapping: `0x${suite.wrapping.toString(16)}`, points: suite.points };
}

function keyFacts({ spec, publicKey, attributes }: KeyFacts): Facts {
  return { label: spec.label, kind: spec.kind, ...(publicKey && { publicKey: toBase64url(publicKey) }), attributes };
}

function pagesFacts(of: Creation): Facts | undefined {
  const found = of.readBackPages();
  return found && { pages: found.pages, pageBytes: found.pageBytes, sequence: `${found.sequence}` };
}

function misuseFacts(of: Creation, targets?: Targets): Facts {
  const tried = of.tryMisuse(targets);
  const refused = tried.filter((one) => one.refused).map(({ attempt, answer }) => `${attempt}: ${answer}`);
  return { refused, open: tried.filter((one) => !one.refused).map(({ attempt }) => attempt) };
}
