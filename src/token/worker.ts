/**
 * A thread of a token: owns one PKCS#11 session and nothing else talks to it. Two roles: `compute` signs, opens and evaluates;
 * `counters`, of which there is one, owns the counter bank and folds its journal whenever no call waits. Opens and closes its
 * session when the main thread (src/token/threads.ts) says so.
 */
import { parentPort } from 'node:worker_threads';
import { assert, fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { Bank } from './bank/bank.ts';
import { TokenShelf } from './bank/shelf.ts';
import {
  type Call,
  type CallOutcome,
  type Connected,
  type ConnectRequest,
  type CounterCall,
  type Order,
  type Reply,
  toRefusal,
  type Value,
} from './calls.ts';
import { asRefusal, isGone } from './failure.ts';
import { keep, kept } from './kept.ts';
import { findKey, publicKey, readBack } from './keys.ts';
import { DeviceError, type Handle, Module, type Session } from './pkcs11.ts';
import { probeToken } from './probe.ts';
import { type KeySpec, NODE_KEYS } from './roles.ts';
import { evaluate, opens, type ShareSuite } from './share.ts';
import { sign } from './sign.ts';

interface Open {
  readonly session: Session;
  readonly suite?: ShareSuite;
  readonly bank?: Bank;
  readonly keys: Map<string, Handle>;
}

assert(parentPort !== null, 'this file runs as a worker thread');
const port = parentPort;
let open: Open | undefined;
/** The last sequence that was told to anyone, over reconnections. */
let knownSequence = 0n;

port.on('message', (order: Order) => {
  port.postMessage(follow(order));
  setImmediate(fold);
});

function follow(order: Order): Reply {
  try {
    if (order.kind === 'connect') return { kind: 'connected', connected: connect(order.request) };
    if (order.kind === 'run') return run(order.calls);
    const leaving = open;
    open = undefined;
    if (leaving !== undefined) leave(leaving.session);
    return { kind: 'disconnected' };
  } catch (error) {
    return { kind: 'failed', refused: toRefusal(asRefusal(error)) };
  }
}

function connect({ module: path, label, pin, initString, profile, part, anew }: ConnectRequest): Connected {
  if (anew) new Module(path, initString).finalize();
  const module = new Module(path, initString);
  const { slot, info } = module.findToken(label);
  const session = module.openSession({ slot, info }, new Secret(pin));
  try {
    if (part.role === 'counters') {
      const bank = new Bank(new TokenShelf(session), { knownSequence });
      knownSequence = bank.state.sequence;
      open = { session, bank, keys: new Map() };
      return { bank: bank.state };
    }
    const findings = part.suite === 'probe' ? probeToken(module, slot, session, info, profile) : undefined;
    const suite = findings?.suite ?? (typeof part.suite === 'string' ? undefined : part.suite);
    const publicKeys = Object.fromEntries(
      part.keys.map((spec) => [spec.label, readBack(session, spec).publicKey ?? publicKey(session, spec)]),
    );
    open = { session, ...(suite && { suite }), keys: new Map() };
    return findings === undefined ? { publicKeys } : { publicKeys, findings: { ...findings, profile: findings.profile.name } };
  } catch (error) {
    leave(session);
    throw error;
  }
}

/** A session that is left open keeps the whole process logged in. One that the device has dropped cannot be closed. */
function leave(session: Session): void {
  try {
    session.close();
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
  }
}

function run(calls: readonly Call[]): Reply {
  if (open === undefined) return fail('token-unavailable', 'no session with the token');
  const { bank } = open;
  try {
    const outcomes = bank === undefined ? calls.map((call) => compute(open as Open, call)) : count(bank, calls as readonly CounterCall[]);
    if (bank !== undefined) knownSequence = bank.state.sequence;
    return { kind: 'ran', outcomes, bank: bank?.state, gone: false };
  } catch (error) {
    const refused = toRefusal(asRefusal(error));
    // A write that failed leaves the bank unsure: it must be proven again, which a new session does.
    return { kind: 'ran', outcomes: calls.map(() => ({ refused })), bank: undefined, gone: bank !== undefined || isGone(error) };
  }
}

function compute(at: Open, call: Call): CallOutcome {
  try {
    return { value: computed(at, call) };
  } catch (error) {
    if (isGone(error)) throw error;
    return { refused: toRefusal(asRefusal(error)) };
  }
}

function computed({ session, suite, keys }: Open, call: Call): Value {
  const key = (spec: KeySpec): Handle => {
    const found = keys.get(spec.label) ?? findKey(session, spec);
    keys.set(spec.label, found);
    return found;
  };
  if (call.op === 'sign') return sign(session, key(call.spec), call.spec.kind, call.bytes);
  if (call.op === 'kept') return kept(session, call.name);
  if (call.op === 'keep') {
    keep(session, call.name, call.value);
    return true;
  }
  assert(suite !== undefined, 'a thread that opens shares knows how');
  if (call.op === 'open') return opens(session, key(NODE_KEYS.sealing), suite, call.share);
  assert(call.op === 'evaluate', 'a compute thread does not count');
  return evaluate(session, key(NODE_KEYS.sealing), suite, call.share, call.element);
}

/** All commits of the batch go into one token write; reads then see them. */
function count(bank: Bank, calls: readonly CounterCall[]): CallOutcome[] {
  const commits = calls.filter((call) => call.op === 'commit');
  const sequences = bank.commit(commits);
  if (calls.some((call) => call.op === 'quarantine')) bank.quarantine();
  if (calls.some((call) => call.op === 'vouch')) bank.vouch();
  for (const call of calls) if (call.op === 'restart') bank.restart(call.above);
  let next = 0;
  return calls.map((call) => {
    if (call.op === 'read') return { value: bank.read(call.slot) };
    if (call.op === 'restart') return { value: bank.state.sequence };
    if (call.op === 'quarantine' || call.op === 'vouch') return { value: true };
    const sequence = sequences[next++];
    assert(sequence !== undefined, 'every commit has its result');
    return sequence instanceof Error ? { refused: toRefusal(sequence) } : { value: sequence };
  });
}

/** One step at a time, so that a commit waits for one step at most. */
function fold(): void {
  try {
    if (open?.bank?.foldSome() === true) setImmediate(fold);
  } catch {
    // The bank is unsure now: the next call says so and has the token opened anew.
  }
}
