/**
 * What someone who has the PIN would try, tried: each attempt should be refused by the token itself. What is not refused is
 * told, not hidden: the ceremony records it as known-open for the device (SoftHSM lets a readable value be derived with the
 * sealing key, as any device does that has neither CKA_DERIVE_TEMPLATE nor a policy of its own).
 *
 * Leaves nothing behind: whatever an attempt makes is a session object and is destroyed.
 */
import { GENERATOR } from '../oprf/point.ts';
import { findKey } from './keys.ts';
import { DeviceError, type Handle, P11, type Session } from './pkcs11.ts';
import { type KeySpec, NODE_KEYS, type NodeRole } from './roles.ts';
import { agreement, READABLE, type ShareSuite } from './share.ts';

export interface Misuse {
  readonly attempt: string;
  readonly refused: boolean;
  /** What the device answered: CKR_*, or nothing when it did what it was told. */
  readonly answer?: string;
}

/** Runs every attempt on a node's keys. */
export function tryMisuse(session: Session, suite: ShareSuite): Misuse[] {
  const roles = Object.entries(NODE_KEYS) as [NodeRole, KeySpec][];
  const { identity, sealing, tls } = NODE_KEYS;
  const key = (spec: KeySpec): Handle => findKey(session, spec);
  const signing = (spec: KeySpec) => () => {
    session.sign({ mechanism: P11.CKM_ECDSA }, key(spec), new Uint8Array(32), 64);
  };
  const deriving = (spec: KeySpec) => () => session.destroy(session.derive(agreement(suite, GENERATOR), key(spec), READABLE));
  return [
    ...roles.map(([role, spec]) => attempt(`read the value of the ${role} key`, () => session.read(key(spec), P11.CKA_VALUE))),
    ...roles.map(([role, spec]) =>
      attempt(`make the ${role} key extractable`, () => session.change(key(spec), { [P11.CKA_EXTRACTABLE]: true })),
    ),
    ...roles.map(([role, spec]) =>
      attempt(`make the ${role} key readable`, () => session.change(key(spec), { [P11.CKA_SENSITIVE]: false })),
    ),
    ...roles.map(([role, spec]) =>
      attempt(`copy the ${role} key as extractable`, () =>
        session.destroy(session.copy(key(spec), { [P11.CKA_TOKEN]: false, [P11.CKA_EXTRACTABLE]: true })),
      ),
    ),
    ...roles.map(([role, spec]) => attempt(`wrap the ${role} key under a key of one's own`, () => wrapped(session, suite, key(spec)))),
    attempt('sign with the sealing key', signing(sealing)),
    attempt('derive with the identity key', deriving(identity)),
    attempt('derive with the tls key', deriving(tls)),
    attempt('derive a readable value with the sealing key', deriving(sealing)),
  ];
}

function attempt(name: string, run: () => unknown): Misuse {
  try {
    run();
    return { attempt: name, refused: false };
  } catch (error) {
    if (error instanceof DeviceError) return { attempt: name, refused: true, answer: error.message };
    throw error;
  }
}

function wrapped(session: Session, suite: ShareSuite, key: Handle): void {
  const own = session.generateKey(
    { mechanism: P11.CKM_AES_KEY_GEN },
    { [P11.CKA_TOKEN]: false, [P11.CKA_VALUE_LEN]: 32, [P11.CKA_WRAP]: true, [P11.CKA_SENSITIVE]: true, [P11.CKA_EXTRACTABLE]: false },
  );
  try {
    session.wrap({ mechanism: suite.wrapping }, own, key);
  } finally {
    session.destroy(own);
  }
}
