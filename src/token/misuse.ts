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
import { type KeySpec, NODE_KEYS } from './roles.ts';
import { agreement, READABLE, type ShareSuite } from './share.ts';

export interface Misuse {
  readonly attempt: string;
  readonly refused: boolean;
  /** What the device answered: CKR_*, or nothing when it did what it was told. */
  readonly answer?: string;
}

/** The keys to try it on, by the names that attempts give them. */
export type Targets = Readonly<Record<string, KeySpec>>;

/**
 * Runs every attempt on these keys.
 * @param suite how the device at hand derives and wraps: src/token/probe.ts finds out; of a token that only signs, the standard's
 * @param locked runs a look at the token without its PIN; absent where others are logged in
 */
export function tryMisuse(session: Session, targets: Targets = NODE_KEYS, suite = STANDARD, locked?: (look: () => void) => void): Misuse[] {
  const keys = Object.entries(targets);
  const key = (spec: KeySpec): Handle => findKey(session, spec);
  const onEach = (name: (role: string) => string, run: (spec: KeySpec) => unknown): Misuse[] =>
    keys.map(([role, spec]) => attempt(name(role), () => run(spec)));
  return [
    ...onEach(
      (role) => `read the value of the ${role} key`,
      (spec) => session.read(key(spec), P11.CKA_VALUE),
    ),
    ...onEach(
      (role) => `make the ${role} key extractable`,
      (spec) => session.change(key(spec), { [P11.CKA_EXTRACTABLE]: true }),
    ),
    ...onEach(
      (role) => `make the ${role} key readable`,
      (spec) => session.change(key(spec), { [P11.CKA_SENSITIVE]: false }),
    ),
    ...onEach(
      (role) => `give the ${role} key another label`,
      (spec) => relabelled(session, spec),
    ),
    ...onEach(
      (role) => `copy the ${role} key`,
      (spec) => session.destroy(session.copy(key(spec), { [P11.CKA_TOKEN]: false })),
    ),
    ...onEach(
      (role) => `copy the ${role} key as extractable`,
      (spec) => session.destroy(session.copy(key(spec), { [P11.CKA_TOKEN]: false, [P11.CKA_EXTRACTABLE]: true })),
    ),
    ...onEach(
      (role) => `wrap the ${role} key under a key of one's own`,
      (spec) => wrapped(session, suite, key(spec)),
    ),
    ...keys.flatMap(([role, spec]) => otherPurpose(session, role, spec, suite)),
    ...(locked === undefined ? [] : [attempt('see a private key without the PIN', () => locked(() => seen(session)))]),
  ];
}

const STANDARD: ShareSuite = { wrapping: P11.CKM_AES_KEY_WRAP_PAD, points: 'der' };

/** Each key has one purpose and one mechanism. */
function otherPurpose(session: Session, role: string, spec: KeySpec, suite: ShareSuite): Misuse[] {
  const key = (): Handle => findKey(session, spec);
  const derive = (): void => session.destroy(session.derive(agreement(suite, GENERATOR), key(), READABLE));
  const sign = (mechanism: number, bytes: number): unknown => session.sign({ mechanism }, key(), new Uint8Array(32), bytes);
  switch (spec.kind) {
    case 'p256-derive':
      return [
        attempt(`sign with the ${role} key`, () => sign(P11.CKM_ECDSA, 64)),
        attempt(`derive a readable value with the ${role} key`, derive),
      ];
    case 'p256-sign':
      return [
        attempt(`derive with the ${role} key`, derive),
        attempt(`sign with the ${role} key by another mechanism`, () => sign(P11.CKM_ECDSA_SHA1, 64)),
      ];
    case 'ed25519':
      return [attempt(`derive with the ${role} key`, derive)];
    case 'mac':
      return [attempt(`sign with the ${role} key by another mechanism`, () => sign(P11.CKM_SHA512_HMAC, 64))];
  }
}

/** Puts the label back where the device let it be changed: a node finds its keys by it. */
function relabelled(session: Session, spec: KeySpec): void {
  const key = findKey(session, spec);
  session.change(key, { [P11.CKA_LABEL]: `${spec.label}-misused` });
  session.change(key, { [P11.CKA_LABEL]: spec.label });
}

/** Does what it should not be able to do, or throws the device's answer. */
function seen(session: Session): void {
  if (session.find({ [P11.CKA_CLASS]: P11.CKO_PRIVATE_KEY }).length === 0) throw new NothingThere('C_FindObjects finds none');
}

class NothingThere extends Error {}

function attempt(name: string, run: () => unknown): Misuse {
  try {
    run();
    return { attempt: name, refused: false };
  } catch (error) {
    if (error instanceof DeviceError || error instanceof NothingThere) return { attempt: name, refused: true, answer: error.message };
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
