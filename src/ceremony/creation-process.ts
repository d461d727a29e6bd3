/**
 * The process that makes one token's keys for a ceremony. A process of its own, because SoftHSM and some devices' modules
 * read from the environment, once per process, which token they are to find. Started by remote-creation.ts, which is told
 * facts: no handle, no PIN and no secret leaves this process.
 */
import { readFileSync } from 'node:fs';
import { toBase64url } from '../base/bytes.ts';
import { assert, type Code, type Evidence, fail, HoldfastError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { asRefusal } from '../token/failure.ts';
import { type Creation, type KeyFacts, type KeySpec, openCreation } from '../token/index.ts';
import type { Facts } from './plan.ts';

export interface TokenPlace {
  readonly module: string;
  readonly label: string;
  /** Its first line is the user's PIN. */
  readonly pinFile: string;
  readonly profile?: string;
}

export type Order =
  | { readonly op: 'open'; readonly place: TokenPlace }
  | { readonly op: 'probe' | 'readPages' | 'tryMisuse' }
  | { readonly op: 'createKey' | 'readKey'; readonly spec: KeySpec }
  | { readonly op: 'createPages'; readonly pages: number };

export interface Failure {
  readonly code?: Code;
  readonly message: string;
  readonly evidence: Evidence;
}

/** One per order, in their order. */
export type Answer = { readonly facts: Facts | undefined } | { readonly failure: Failure };

let creation: Creation | undefined;

process.on('message', (order: Order) => {
  process.send?.(answer(order));
});
process.on('disconnect', () => process.exit());

function answer(order: Order): Answer {
  try {
    return { facts: obey(order) };
  } catch (error) {
    const refused = asRefusal(error);
    if (!(refused instanceof HoldfastError)) return { failure: { message: String(refused), evidence: {} } };
    return { failure: { code: refused.code, message: refused.message, evidence: refused.evidence } };
  }
}

function obey(order: Order): Facts | undefined {
  if (order.op === 'open') {
    const { pinFile, ...place } = order.place;
    creation = openCreation({ ...place, pin: readPin(pinFile) });
    return undefined;
  }
  assert(creation !== undefined, 'the token is opened first');
  switch (order.op) {
    case 'probe':
      return probed(creation);
    case 'createKey':
      creation.createKey(order.spec);
      return undefined;
    case 'readKey':
      return creation.has(order.spec) ? keyFacts(creation.readBack(order.spec)) : undefined;
    case 'createPages':
      creation.createPages(order.pages);
      return undefined;
    case 'readPages':
      return pagesFacts(creation);
    case 'tryMisuse':
      return misuseFacts(creation);
  }
}

function readPin(file: string): Secret<string> {
  const [pin] = readFileSync(file, 'utf8').split('\n');
  return pin ? new Secret(pin) : fail('configuration', 'the PIN file is empty', { file });
}

function probed(of: Creation): Facts {
  const { profile, suite, model, manufacturer, serial } = of.probe();
  const wrapping = `0x${suite.wrapping.toString(16)}`;
  return {
    model,
    manufacturer,
    serial,
    profile: profile.name,
    class: profile.class,
    simulated: profile.simulated,
    wrapping,
    points: suite.points,
  };
}

function keyFacts({ spec, publicKey, attributes }: KeyFacts): Facts {
  return { label: spec.label, kind: spec.kind, ...(publicKey && { publicKey: toBase64url(publicKey) }), attributes };
}

function pagesFacts(of: Creation): Facts | undefined {
  const found = of.readBackPages();
  return found && { pages: found.pages, pageBytes: found.pageBytes, sequence: `${found.sequence}` };
}

function misuseFacts(of: Creation): Facts {
  const tried = of.tryMisuse();
  const refused = tried.filter((one) => one.refused).map(({ attempt, answer }) => `${attempt}: ${answer}`);
  return { refused, open: tried.filter((one) => !one.refused).map(({ attempt }) => attempt) };
}
