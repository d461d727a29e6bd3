/**
 * Finds out what the device at hand can do and how it wants it, by doing it: with session objects only, so that nothing
 * is left behind. A node probes at every start and refuses (`token-unsuitable`) where something needed is missing, naming
 * it; `holdfast token check` prints the findings.
 *
 * The decisive test is the whole chain at once: a share sealed on the host is opened and evaluated in the token and must
 * give the result of RFC 9497, appendix A.3.1.1. It is run for every combination of mechanism numbers and point forms of
 * the profile until one works.
 */
import { concatBytes, equalBytes } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import { systemRandom } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import { decodeUncompressed, encodePoint } from '../oprf/point.ts';
import { sealShare } from '../vault/seal.ts';
import { answerOf, asRefusal, isGone } from './failure.ts';
import { DeviceError, type Handle, type Module, P11, type Session, type TokenInfo } from './pkcs11.ts';
import { type Profile, profiles } from './profiles.ts';
import { CONTEXT_BYTES, evaluate, opens, P256_PARAMS, type ShareSuite } from './share.ts';

export interface Findings {
  readonly profile: Profile;
  readonly suite: ShareSuite;
  readonly model: string;
  readonly manufacturer: string;
  readonly serial: string;
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** RFC 9497, appendix A.3.1: skSm and its point; A.3.1.1: BlindedElement, EvaluationElement. */
const VECTOR = {
  scalar: hex('159749d750713afe245d2d39ccfaae8381c53ce92d098a9375ee70739c7ac0bf'),
  publicKey: hex('036492512d6430f42df3ecdb2c03ea6d0b39cfacd4c4c4471afcf4102a2b38045e'),
  blinded: hex('03723a1e5c09b8b9c18d1dcbca29e8007e95f14f4732d9346d490ffc195110368d'),
  evaluated: hex('030de02ffec47a1fd53efcdd1c6faf5bdc270912b8749e783c7ca75bb412958832'),
};

const NEEDED: readonly (readonly [name: string, mechanism: number])[] = [
  ['CKM_ECDSA', P11.CKM_ECDSA],
  ['CKM_EC_KEY_PAIR_GEN', P11.CKM_EC_KEY_PAIR_GEN],
  ['CKM_ECDH1_DERIVE', P11.CKM_ECDH1_DERIVE],
  ['CKM_AES_CBC_ENCRYPT_DATA', P11.CKM_AES_CBC_ENCRYPT_DATA],
  ['CKM_SHA256_HMAC', P11.CKM_SHA256_HMAC],
  ['CKM_GENERIC_SECRET_KEY_GEN', P11.CKM_GENERIC_SECRET_KEY_GEN],
];

/**
 * @param name of a profile, or nothing to recognise the device by what it says of itself.
 * @throws `token-unsuitable` naming what is missing; `configuration` for an unknown profile.
 */
export function probeToken(module: Module, slot: Handle, session: Session, info: TokenInfo, name?: string): Findings {
  const profile = chooseProfile(info, name);
  const has = module.mechanisms(slot);
  const missing = NEEDED.filter(([, mechanism]) => !has.has(mechanism)).map(([missingName]) => missingName);
  const wrapping = profile.wrapping.filter((mechanism) => has.has(mechanism));
  if (wrapping.length === 0) missing.push('AES-KWP (0x210a or 0x210b)');
  if (missing.length > 0) fail('token-unsuitable', `the token lacks ${missing.join(', ')}`, { profile: profile.name });
  probeDataObject(session);
  const candidates = wrapping.flatMap((mechanism) => profile.points.map((points) => ({ wrapping: mechanism, points })));
  return { ...describeToken(info, name), suite: probeShares(session, candidates) };
}

/** @throws `configuration` as `chooseProfile` */
export function describeToken(info: TokenInfo, name?: string): Omit<Findings, 'suite'> {
  return {
    profile: chooseProfile(info, name),
    model: info.model.trim(),
    manufacturer: info.manufacturerID.trim(),
    serial: info.serialNumber.trim(),
  };
}

/**
 * @throws `configuration` for an unknown profile, and for one that would pass a simulation off as a device: what the fleet's
 * entry says of a token comes from here.
 */
export function chooseProfile(info: Pick<TokenInfo, 'manufacturerID' | 'model'>, name?: string): Profile {
  const recognised = profiles.find((profile) => profile.matches(info));
  const chosen = name === undefined ? recognised : profiles.find((profile) => profile.name === name);
  if (chosen === undefined) {
    const known = profiles.map((profile) => profile.name).join(' ');
    return fail('configuration', 'unknown device profile', { profile: name ?? '', known });
  }
  if (recognised?.simulated && !chosen.simulated) {
    fail('configuration', 'a simulated token must not take the profile of a device', { profile: chosen.name, recognised: recognised.name });
  }
  return chosen;
}

/** Some devices have no data objects at all (AWS CloudHSM), and nowhere else to count. */
function probeDataObject(session: Session): void {
  const value = Buffer.from('holdfast probe');
  try {
    const object = session.create({
      [P11.CKA_CLASS]: P11.CKO_DATA,
      [P11.CKA_TOKEN]: false,
      [P11.CKA_PRIVATE]: true,
      [P11.CKA_VALUE]: value,
    });
    const same = equalBytes(session.read(object, P11.CKA_VALUE), value);
    session.destroy(object);
    if (!same) fail('token-unsuitable', 'the token changes the value of data objects');
  } catch (error) {
    // A device that is away or broken says nothing about what it can do.
    if (!(error instanceof DeviceError) || isGone(error)) throw error;
    fail('token-unsuitable', 'the token has no private data objects', answerOf(error), error);
  }
}

function probeShares(session: Session, candidates: readonly ShareSuite[]): ShareSuite {
  let last: unknown;
  for (const suite of candidates) {
    try {
      return tryShares(session, suite);
    } catch (error) {
      last = asRefusal(error);
      if (!(last instanceof HoldfastError)) throw error;
    }
  }
  const evidence = last instanceof HoldfastError ? last.evidence : {};
  return fail('token-unsuitable', 'no way of opening and using a sealed share works on this token', evidence, last);
}

function tryShares(session: Session, suite: ShareSuite): ShareSuite {
  const common = { [P11.CKA_TOKEN]: false, [P11.CKA_PRIVATE]: true };
  const pair = session.generateKeyPair(
    { mechanism: P11.CKM_EC_KEY_PAIR_GEN },
    { ...common, [P11.CKA_EC_PARAMS]: P256_PARAMS },
    { ...common, [P11.CKA_SENSITIVE]: true, [P11.CKA_EXTRACTABLE]: false, [P11.CKA_DERIVE]: true },
  );
  try {
    const point = session.read(pair.publicKey, P11.CKA_EC_POINT);
    const sealingKey = encodePoint(decodeUncompressed(point.subarray(point.length - 65)));
    const context = new Uint8Array(CONTEXT_BYTES).fill(1);
    const sealed = sealShare({ share: new Secret(VECTOR.scalar), sealingKey, context: () => context, random: systemRandom });
    const call = { sealed, context, publicShare: VECTOR.publicKey };
    const result = evaluate(session, pair.privateKey, suite, call, concatBytes(VECTOR.blinded, VECTOR.publicKey));
    if (!equalBytes(result.subarray(0, 32), VECTOR.evaluated.subarray(1)))
      fail('token-unsuitable', 'ECDH1_DERIVE differs from RFC 9497', { points: suite.points });
    if (opens(session, pair.privateKey, suite, { ...call, context: new Uint8Array(CONTEXT_BYTES) }))
      fail('token-unsuitable', 'a share opens in another context');
    return suite;
  } finally {
    session.destroy(pair.privateKey);
    session.destroy(pair.publicKey);
  }
}
