/**
 * Another TUF client, the whole of it: tuf-js follows our chain of roots over HTTP, where the witness serves it, from whatever root it
 * was given, and stops where we stop. (That it reads each root as we do: roots.test.ts.)
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { Updater } from 'tuf-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { makeRoot, type RootPlan } from '../../src/trust/make-root.ts';
import { tufKeyId } from '../../src/trust/root.ts';
import { openRoots } from '../../src/trust/roots.ts';
import { type RootKey, rootKey, World } from './world.ts';

const world = new World();
const [pinned] = world.roots as [string];
const { operatorRoots, witnessRoots } = world;
const all = [...operatorRoots, ...witnessRoots];
const newOperators = [rootKey('operator 3'), rootKey('operator 4')];
const newWitnesses = [rootKey('witness 3'), rootKey('witness 4')];
const keysOf = (keys: readonly RootKey[]) => keys.map(({ publicKey }) => publicKey);
/** Beyond the day on which the test runs. */
const LATER = '2099-01-01T00:00:00Z';

/** Signed by whomever, as often as one likes. */
function signedBy(overrides: Partial<RootPlan>, signers: readonly RootKey[]): string {
  const bytes = makeRoot(world.rootPlan({ expires: LATER, ...overrides }));
  const signatures = signers.map(({ publicKey, sign }) => ({ keyid: tufKeyId(publicKey), sig: toHex(sign(bytes)) }));
  return canonicalize({ signatures, signed: JSON.parse(new TextDecoder().decode(bytes)) });
}

/** Operator's keys replaced, then the witness's, then nothing. */
const second = signedBy({ version: 2, operatorRootKeys: keysOf(newOperators) }, [...all, ...newOperators]);
const replaced = { operatorRootKeys: keysOf(newOperators), witnessRootKeys: keysOf(newWitnesses) };
const third = signedBy({ version: 3, ...replaced }, [...newOperators, ...witnessRoots, ...newWitnesses]);
const fourth = signedBy({ version: 4, ...replaced }, [...newOperators, ...newWitnesses]);

const folder = mkdtempSync(join(tmpdir(), 'holdfast-tuf-'));
let served = new Map<string, string>();
let server: Server;
beforeAll(async () => {
  server = createServer(({ url = '' }, response) => {
    const text = served.get(url);
    response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

/** @returns the version that tuf-js trusts in the end, and why it went no further */
async function asTufFollows(from: string, chain: readonly string[]): Promise<{ version: number; why: string }> {
  const first = (JSON.parse(from) as { signed: { version: number } }).signed.version;
  served = new Map(chain.map((text, i) => [`/roots/${first + 1 + i}.root.json`, text]));
  const metadataDir = mkdtempSync(join(folder, 'client-'));
  writeFileSync(join(metadataDir, 'root.json'), from);
  const { port } = server.address() as AddressInfo;
  // There is no timestamp.json: nothing of ours has one, and a client asks for it once it has followed the roots.
  const error: unknown = await new Updater({ metadataDir, metadataBaseUrl: `http://127.0.0.1:${port}/roots` })
    .refresh()
    .catch((e: unknown) => e);
  const kept = JSON.parse(readFileSync(join(metadataDir, 'root.json'), 'utf8')) as { signed: { version: number } };
  return { version: kept.signed.version, why: String(error) };
}

function asWeFollow(from: string, chain: readonly string[]): string {
  try {
    return `${openRoots({ pinned: from, chain }).version}`;
  } catch (error) {
    return error instanceof HoldfastError ? error.code : `not coded: ${error}`;
  }
}

test('it follows both sides as they replace their keys, from wherever it is, to where we come', async () => {
  const roots = [pinned, second, third, fourth];
  for (const [i, from] of roots.entries()) {
    const chain = roots.slice(i + 1);
    const { version, why } = await asTufFollows(from, chain);
    expect([i, version, why]).toEqual([i, 4, expect.stringMatching(/Failed to download/)]);
    expect(asWeFollow(from, chain)).toBe('4');
  }
});

describe('both refuse', () => {
  const operatorsAlone = { version: 2, operatorRootKeys: keysOf(newOperators) };
  const sets: readonly (readonly [string, readonly string[]])[] = [
    ['the operator alone', [signedBy(operatorsAlone, [...operatorRoots, ...newOperators])]],
    ['the witness alone', [signedBy({ version: 2, witnessRootKeys: keysOf(newWitnesses) }, [...witnessRoots, ...newWitnesses])]],
    ['the old keys without its own', [signedBy(operatorsAlone, all)]],
    ['its own keys without the old ones', [signedBy(operatorsAlone, [...newOperators, ...witnessRoots])]],
    ['one signature many times', [signedBy({ version: 2 }, [operatorRoots[0]!, operatorRoots[1]!, operatorRoots[1]!, operatorRoots[1]!])]],
    ['a version left out', [third, fourth]],
    ['a version far away', [signedBy({ version: 1_000_000 }, all)]],
    ['bytes that were changed', [second.replace('example.org/vault', 'example.org/vauLt')]],
    ['keys that were exchanged under their ids', [second.replaceAll(toHex(newOperators[0]!.publicKey), toHex(rootKey('thief').publicKey))]],
    ['what is no JSON', [second.slice(0, -1)]],
    ['another role', [second.replace('"_type":"root"', '"_type":"targets"')]],
  ];

  test.each(sets)('%s', async (_, chain) => {
    expect((await asTufFollows(pinned, chain)).version).toBe(1);
    expect(asWeFollow(pinned, chain)).toMatch(/^(not-signed|malformed)$/);
  });

  test('the same version again: it leaves both where they are', async () => {
    expect((await asTufFollows(pinned, [pinned])).version).toBe(1);
    expect(asWeFollow(pinned, [pinned])).toBe('1');
  });

  test('the rest of a chain, from the link that is not one', async () => {
    const broken = signedBy({ version: 3, ...replaced }, [...newOperators, ...newWitnesses]);
    expect((await asTufFollows(pinned, [second, broken, fourth])).version).toBe(2);
    expect(asWeFollow(pinned, [second, broken, fourth])).toBe('not-signed');
    expect(asWeFollow(pinned, [second])).toBe('2');
  });

  test('an expired root, when something rests on it: it is followed, and trusted no further', async () => {
    const expired = signedBy({ version: 2, expires: '2020-01-01T00:00:00Z' }, all);
    // A timestamp, whatever it says: the client looks at the root before it looks at that.
    const { version, why } = await asTufFollows(pinned, [expired]);
    expect([version, why]).toEqual([2, expect.stringMatching(/Failed to download/)]);
    served.set('/roots/timestamp.json', '{}');
    const metadataDir = mkdtempSync(join(folder, 'client-'));
    writeFileSync(join(metadataDir, 'root.json'), expired);
    const { port } = server.address() as AddressInfo;
    await expect(new Updater({ metadataDir, metadataBaseUrl: `http://127.0.0.1:${port}/roots` }).refresh()).rejects.toThrow(/expired/);
    expect(openRoots({ pinned, chain: [expired] }).expires).toBeLessThan(Date.now());
  });
});

describe('we refuse more than TUF does', () => {
  const stricter: readonly (readonly [string, string])[] = [
    ['another namespace', signedBy({ version: 2, namespace: 'example.org/other' }, all)],
    [
      'a wrong signature beside enough good ones',
      signedBy({ version: 2 }, [
        ...operatorRoots,
        witnessRoots[0]!,
        { ...witnessRoots[1]!, sign: (bytes) => operatorRoots[0]!.sign(bytes) },
      ]),
    ],
    ['another spelling', JSON.stringify(JSON.parse(second), undefined, 1)],
  ];
  test.each(stricter)('%s', async (_, root) => {
    expect((await asTufFollows(pinned, [root])).version).toBe(2);
    expect(asWeFollow(pinned, [root])).toMatch(/^(not-signed|malformed)$/);
  });
});
