/** Roots: neither side rotates alone, a client versions behind follows, and another TUF client reads and checks the same files. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { Metadata, MetadataKind } from '@tufjs/models';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { makeVkey, NOTE_KEY } from '../../src/log/vkey.ts';
import { assembleRoot, makeRoot, type RootPlan } from '../../src/trust/make-root.ts';
import { parseRoot, ROOT_BYTES_MAX, tufKeyId } from '../../src/trust/root.ts';
import { openRoot, openRoots } from '../../src/trust/roots.ts';
import { noteKey } from '../log/keys.ts';
import { type RootKey, rootKey, World } from './world.ts';

const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof HoldfastError ? `${error.code}: ${error.message}` : `not coded: ${error}`;
  }
  return 'accepted';
};

const world = new World();
const [pinned] = world.roots as [string];
const { operatorRoots, witnessRoots } = world;
const newOperators = [rootKey('operator 3'), rootKey('operator 4')];

/** A root with as many signatures as one likes, whether or not anyone should accept it. */
function signedBy(overrides: Partial<RootPlan>, signers: readonly RootKey[]): string {
  const bytes = makeRoot(world.rootPlan(overrides));
  const signatures = signers.map(({ publicKey, sign }) => ({ keyid: tufKeyId(publicKey), sig: toHex(sign(bytes)) }));
  return canonicalize({ signatures, signed: JSON.parse(new TextDecoder().decode(bytes)) });
}

const follows = (...chain: string[]): string => refusal(() => openRoots({ pinned, chain }));

test('the first root is the golden file, to the byte', () => {
  const file = join(import.meta.dirname, 'golden/root.golden.json');
  if (process.env['HOLDFAST_GOLDEN'] === 'write') writeFileSync(file, `${pinned}\n`);
  const golden = readFileSync(file, 'utf8');
  expect(pinned).toBe(golden.trimEnd());
  expect(openRoot(golden)).toMatchObject({ version: 1, namespace: 'example.org/vault', threshold: 3, expires: Date.UTC(2028, 0, 1) });
});

describe('rotation', () => {
  const newRelease = { threshold: 1, keys: [noteKey('release-4.example.org').vkey.text] };
  const second = signedBy({ version: 2, release: newRelease }, [...operatorRoots, ...witnessRoots]);

  test('by both sides is followed', () => {
    expect(openRoots({ pinned, chain: [second] })).toMatchObject({ version: 2, release: { threshold: 1 } });
  });

  test.each([
    ['the operator', operatorRoots],
    ['the witness', witnessRoots],
    ['the operator with keys of its own making', [...operatorRoots, rootKey('operator 3')]],
  ])('by %s alone is not', (_, signers) => {
    expect(follows(signedBy({ version: 2, release: newRelease }, signers))).toContain('not-signed: too few keys of root version 1');
  });

  test('signed by the old keys and not by its own is not: nobody has shown to hold them', () => {
    const plan = { version: 2, operatorRootKeys: newOperators.map((one) => one.publicKey) };
    expect(follows(signedBy(plan, [...operatorRoots, ...witnessRoots]))).toContain('too few keys of root version 2 signed');
    expect(follows(signedBy(plan, [...operatorRoots, ...witnessRoots, ...newOperators]))).toBe('accepted');
  });

  test('signed by its own keys and not by the old ones is not', () => {
    const plan = { version: 2, operatorRootKeys: newOperators.map((one) => one.publicKey) };
    expect(follows(signedBy(plan, [...newOperators, ...witnessRoots]))).toContain('too few keys of root version 1 signed root version 2');
  });

  test('one signature twice does not count twice', () => {
    const [one, two] = operatorRoots as [RootKey, RootKey];
    expect(follows(signedBy({ version: 2 }, [one, two, two, two]))).toContain('too few keys');
  });

  test('with a wrong signature of a known key beside enough good ones is refused', () => {
    const liar = { ...witnessRoots[1]!, sign: (bytes: Uint8Array) => operatorRoots[0]!.sign(bytes) };
    expect(follows(signedBy({ version: 2 }, [...operatorRoots, witnessRoots[0]!, liar]))).toContain('does not verify');
  });
});

describe('a chain', () => {
  const all = [...operatorRoots, ...witnessRoots];
  const plan = { operatorRootKeys: newOperators.map((one) => one.publicKey) };
  const second = signedBy({ version: 2 }, all);
  const third = signedBy({ version: 3, ...plan }, [...all, ...newOperators]);
  const fourth = signedBy({ version: 4, ...plan }, [...newOperators, ...witnessRoots]);

  test('is followed by a client that is versions behind, from wherever it is', () => {
    const chain = [second, third, fourth];
    for (const start of [pinned, second, third, fourth]) expect(openRoots({ pinned: start, chain }).version).toBe(4);
    expect(openRoots({ pinned, seen: third, chain }).version).toBe(4);
  });

  test('with a version left out is refused, and so is one out of order', () => {
    expect(follows(third, fourth)).toContain('gap');
    expect(follows(second, fourth)).toContain('gap');
    expect(follows(second, third, third)).toContain('gap');
    expect(follows(third, second)).toContain('gap');
  });

  test('that leaps to a version far away is refused (attack: fast-forward, after which no root counts any more)', () => {
    expect(follows(signedBy({ version: 1_000_000 }, all))).toContain('gap');
  });

  test('that ends before what the client has seen leaves it where it is (attack: rollback to replaced keys)', () => {
    expect(openRoots({ pinned, seen: fourth, chain: [second] }).version).toBe(4);
    expect(openRoots({ pinned: third, seen: second, chain: [] }).version).toBe(3);
  });

  test('that branched off before what the client knows is refused', () => {
    const branch = signedBy({ version: 2, expires: '2029-01-01T00:00:00Z' }, all);
    expect(refusal(() => openRoots({ pinned: second, chain: [branch] }))).toContain('another chain');
    expect(refusal(() => openRoots({ pinned, seen: second, chain: [branch] }))).toContain('another chain');
  });

  test('into another namespace is refused', () => {
    expect(follows(signedBy({ version: 2, namespace: 'example.org/other' }, all))).toContain('namespace');
  });

  test('what was seen under another namespace does not replace what is pinned', () => {
    const elsewhere = signedBy({ version: 9, namespace: 'example.org/other' }, all);
    expect(openRoots({ pinned, seen: elsewhere, chain: [] }).namespace).toBe('example.org/vault');
  });
});

describe('a root is refused', () => {
  const value = () => JSON.parse(pinned);
  const text = (bend: (value: ReturnType<typeof JSON.parse>) => void): string => {
    const bent = value();
    bend(bent);
    return canonicalize(bent);
  };
  const releaseKey = (v: ReturnType<typeof value>) => v.signed.holdfast.release.keys[0];

  const lies: readonly (readonly [string, string, (v: ReturnType<typeof value>) => void])[] = [
    ['of another type', '_type', (v) => (v.signed._type = 'targets')],
    ['of another TUF', 'spec_version', (v) => (v.signed.spec_version = '2.0.0')],
    ['of version 0', 'version', (v) => (v.signed.version = 0)],
    ['of a version that is no whole number', 'one spelling', (v) => (v.signed.version = 1e300)],
    ['with an unknown member of ours', 'Unrecognized key', (v) => (v.signed.holdfast.extra = 1)],
    ['with an unknown member beside what is signed', 'Unrecognized key', (v) => (v.extra = 1)],
    ['with a threshold that the operator alone reaches', 'above what either side', (v) => (v.signed.roles.root.threshold = 2)],
    ['with a threshold that nobody reaches', 'above what either side', (v) => (v.signed.roles.root.threshold = 5)],
    ['with all keys on one side', 'Too small', (v) => (v.signed.holdfast.sides = { operator: v.signed.roles.root.keyids, witness: [] })],
    ['with a key on both sides', 'not exactly the keys', (v) => v.signed.holdfast.sides.operator.push(v.signed.holdfast.sides.witness[0])],
    ['with a key on no side', 'not exactly the keys', (v) => v.signed.holdfast.sides.operator.pop()],
    [
      'with a key under an id that is not its own',
      'not that of the key',
      (v) => (v.signed.keys[v.signed.roles.root.keyids[0]].keyval.public = '00'.repeat(32)),
    ],
    ['with a key that is not listed', 'not listed', (v) => delete v.signed.keys[v.signed.roles.root.keyids[0]]],
    ['with a key that no role names', 'exactly those', (v) => (v.signed.keys['ab'.repeat(32)] = Object.values(v.signed.keys)[0])],
    ['with a key of another kind', 'keytype', (v) => (v.signed.keys[v.signed.roles.root.keyids[0]].keytype = 'rsa')],
    ['whose roles release by another threshold', 'role targets', (v) => (v.signed.roles.targets.threshold = 1)],
    ['whose roles release by other keys', 'role snapshot', (v) => v.signed.roles.snapshot.keyids.pop()],
    ['without a role', 'timestamp', (v) => delete v.signed.roles.timestamp],
    ['whose release threshold cannot be reached', 'cannot be reached', (v) => (v.signed.holdfast.release.threshold = 4)],
    ['whose log is a cosigner', 'type 0x01', (v) => (v.signed.holdfast.log = v.signed.holdfast.witness)],
    ['whose witness is a log', 'type 0x04', (v) => (v.signed.holdfast.witness = v.signed.holdfast.log)],
    ['whose witness is the operator', 'two places', (v) => (v.signed.holdfast.witness = v.signed.holdfast.operator)],
    ['whose third party is the witness', 'two places', (v) => v.signed.holdfast.thirdParties.push(v.signed.holdfast.witness)],
    ['with a third party twice', 'two places', (v) => v.signed.holdfast.thirdParties.push(v.signed.holdfast.thirdParties[0])],
    ['whose log key is a release key', 'two places', (v) => (v.signed.holdfast.log = releaseKey(v))],
    ['with a time in another zone', 'expires', (v) => (v.signed.expires = '2028-01-01T00:00:00+01:00')],
    ['with a signature in capitals', 'sig', (v) => (v.signatures[0].sig = v.signatures[0].sig.toUpperCase())],
  ];
  test.each(lies)('%s', (_, why, bend) => {
    expect(text(bend)).not.toBe(pinned);
    expect(refusal(() => parseRoot(text(bend)))).toContain('malformed');
    expect(refusal(() => parseRoot(text(bend)))).toContain(why);
  });

  test('whose release key is a root key', () => {
    const both = makeVkey('release-1.example.org', NOTE_KEY, operatorRoots[0]!.publicKey).text;
    expect(refusal(() => makeRoot(world.rootPlan({ release: { threshold: 1, keys: [both] } })))).toContain('two places');
  });

  test('in another spelling of the same JSON', () => {
    expect(refusal(() => parseRoot(JSON.stringify(value(), null, 1)))).toContain('one spelling');
    expect(refusal(() => parseRoot(pinned.replace('"version":1', '"version":2,"version":1')))).toContain('one spelling');
    expect(refusal(() => parseRoot(pinned.replace('"root"', '"\\u0072oot"')))).toContain('one spelling');
    expect(refusal(() => parseRoot(`${pinned}\n\n`))).toContain('one spelling');
    expect(refusal(() => parseRoot('{'))).toContain('not JSON');
    expect(refusal(() => parseRoot('x'.repeat(ROOT_BYTES_MAX + 1)))).toContain('too-large');
  });

  test('with any character changed', () => {
    fc.assert(
      fc.property(fc.nat(pinned.length - 1), fc.constantFrom('0', 'a', '"', ',', ' '), (at, letter) => {
        const altered = pinned.slice(0, at) + letter + pinned.slice(at + 1);
        fc.pre(altered !== pinned);
        expect(refusal(() => openRoot(altered))).toMatch(/^(malformed|not-signed)/);
      }),
    );
  });

  test('that a ceremony has not had signed by both sides, or from bytes that are no root', () => {
    const bytes = makeRoot(world.rootPlan({ version: 2 }));
    const by = (keys: readonly RootKey[]) => keys.map(({ publicKey, sign }) => ({ publicKey, signature: sign(bytes) }));
    expect(refusal(() => assembleRoot(bytes, by([...operatorRoots, ...witnessRoots]), openRoot(pinned)))).toBe('accepted');
    expect(refusal(() => assembleRoot(bytes, by(operatorRoots), openRoot(pinned)))).toContain('too few keys');
    const later = makeRoot(world.rootPlan({ version: 3 }));
    const signatures = [...operatorRoots, ...witnessRoots].map(({ publicKey, sign }) => ({ publicKey, signature: sign(later) }));
    expect(refusal(() => assembleRoot(later, signatures, openRoot(pinned)))).toContain('gap');
    expect(refusal(() => assembleRoot(utf8('{'), []))).toContain('malformed');
  });
});

describe('another TUF client (@tufjs/models)', () => {
  const read = (text: string) => Metadata.fromJSON(MetadataKind.Root, JSON.parse(text));
  const second = signedBy({ version: 2, operatorRootKeys: newOperators.map((one) => one.publicKey) }, [
    ...operatorRoots,
    ...witnessRoots,
    ...newOperators,
  ]);

  test('reads our root, and writes back what we sign', () => {
    const root = read(pinned);
    expect(canonicalize(root.signed.toJSON())).toBe(new TextDecoder().decode(parseRoot(pinned).signedBytes));
    expect(root.signed.unrecognizedFields).toHaveProperty('holdfast');
    expect(Object.keys(root.signed.keys)).toHaveLength(7);
  });

  test('verifies it by itself, and the next one by both', () => {
    expect(() => read(pinned).verifyDelegate('root', read(pinned))).not.toThrow();
    expect(() => read(pinned).verifyDelegate('root', read(second))).not.toThrow();
    expect(() => read(second).verifyDelegate('root', read(second))).not.toThrow();
  });

  test('refuses one that a single side signed, as we do', () => {
    const alone = signedBy({ version: 2 }, operatorRoots);
    expect(() => read(pinned).verifyDelegate('root', read(alone))).toThrow();
    expect(follows(alone)).toContain('too few keys');
  });
});

test('a root key is named by the hash of its canonical JSON, as TUF says', () => {
  const key = operatorRoots[0]!.publicKey;
  expect(tufKeyId(key)).toBe(toHex(sha256Of(`{"keytype":"ed25519","keyval":{"public":"${toHex(key)}"},"scheme":"ed25519"}`)));
});

function sha256Of(text: string): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(text).digest());
}
