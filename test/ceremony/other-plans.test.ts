/** The ceremonies besides a first fleet's, performed on SoftHSM without people, and what comes of them held against its readers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64url } from '../../src/base/bytes.ts';
import { conduct, rehearse } from '../../src/ceremony/conduct.ts';
import { kindOf } from '../../src/ceremony/kinds.ts';
import { rehearsed } from '../../src/ceremony/rehearsal.ts';
import { type Line, parseTranscript } from '../../src/ceremony/transcript.ts';
import { type Verified, verifyTranscript } from '../../src/ceremony/verify.ts';
import { parseEntry } from '../../src/fleet/entry.ts';
import { openNote, parseReleaseKey } from '../../src/release/note.ts';
import { openRoot } from '../../src/trust/roots.ts';
import { spkiOf } from '../../src/web/peer-trust.ts';
import { exampleParameters, ScriptedRoom } from './room.ts';

const WAIT_MS = 600_000;
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-ceremonies-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const linesIn = (...parts: string[]): Line[] => parseTranscript(readFileSync(join(folder, ...parts, 'transcript.jsonl'), 'utf8')).lines;
const plan = (name: string, parameters: unknown) => kindOf(name).plan(parameters);

describe('release-signing', () => {
  const room = new ScriptedRoom();
  const where = () => join(folder, 'release');
  let made: Verified;

  beforeAll(async () => {
    await conduct({ kind: 'release-signing', folder: where(), parameters: rehearsed(exampleParameters('release-signing'), room), room });
    made = verifyTranscript(readFileSync(join(where(), 'transcript.jsonl'), 'utf8'));
  }, WAIT_MS);

  it('makes keys, and a note by each of them that the launcher takes', () => {
    const vkeys = made.files['keys.vkey']!.trim().split('\n');
    expect(vkeys).toHaveLength(2);
    expect(openNote(made.files['manifest.note']!, vkeys.map(parseReleaseKey))).toBe(
      `holdfast/release/v1\n1.2.3 linux-x64\n${'ab'.repeat(32)}\n`,
    );
  });

  it(
    'signs a later release with the keys that are there, opened by the cards of the first ceremony',
    async () => {
      const vkeys = made.files['keys.vkey']!.trim().split('\n');
      const first = exampleParameters('release-signing') as { ceremony: string; custody: object; tokens: object[]; release: object };
      const later = {
        ...first,
        ceremony: 'a later release',
        custody: { ceremony: first.ceremony, ...first.custody },
        keys: 'there',
        tokens: first.tokens.map((token, i) => ({ ...token, vkey: vkeys[i] })),
        release: { ...first.release, version: '1.2.4' },
      };
      const inPlace = (parameters: unknown) => JSON.parse(JSON.stringify(parameters).replaceAll('{"softhsm":"', '{"softhsm":"../release/'));
      const parameters = inPlace(rehearsed(later, room));
      const there = join(folder, 'later-release');
      await conduct({ kind: 'release-signing', folder: there, parameters, room });
      const { files } = verifyTranscript(readFileSync(join(there, 'transcript.jsonl'), 'utf8'));
      expect(openNote(files['manifest.note']!, vkeys.map(parseReleaseKey))).toContain('1.2.4 linux-x64');

      const swapped = { ...parameters, tokens: parameters.tokens.map((token: object, i: number) => ({ ...token, vkey: vkeys[1 - i] })) };
      const refused = conduct({
        kind: 'release-signing',
        folder: join(folder, 'other-key'),
        parameters: JSON.parse(JSON.stringify(swapped)),
        room,
      });
      await expect(refused).rejects.toMatchObject({ code: 'alarm', message: expect.stringContaining('its public key is') });
    },
    WAIT_MS,
  );
});

describe('root-keys', () => {
  it(
    'gives a root that clients open, signed by both sides',
    async () => {
      const { files } = await rehearse({ kind: 'root-keys', folder: join(folder, 'root'), parameters: exampleParameters('root-keys') });
      expect(openRoot(files['root.json']!)).toMatchObject({ version: 1, namespace: 'vault.example' });
      const keys = linesIn('root').filter(({ step }) => /-root-\d\/key$/.test(step));
      expect(keys.map(({ facts }) => fromBase64url(String(facts['publicKey'])).length)).toEqual([32, 32, 32, 32]);
    },
    WAIT_MS,
  );

  it('is refused where one side could sign alone, or one custodian shares the tokens of both', () => {
    const parameters = exampleParameters('root-keys') as { custody: { custodians: object[] } };
    expect(() => plan('root-keys', { ...parameters, threshold: 2 })).toThrow(/above what either side has/);
    const [first, ...others] = parameters.custody.custodians;
    const both = { ...first, tokens: ['operator-root-1', 'operator-root-2', 'witness-root-1'] };
    expect(() => plan('root-keys', { ...parameters, custody: { ...parameters.custody, custodians: [both, ...others] } })).toThrow(
      /one side only/,
    );
  });
});

describe('a token for a witness', () => {
  const example = exampleParameters('release-signing') as { tokens: object[] };
  const { release: _, ...making } = example as { release?: object; tokens: object[] };
  const token = { name: 'witness-1', for: 'witness', token: { softhsm: 'witness-1' } };

  it('is made and its PINs are split, and there is no key in it', async () => {
    const room = new ScriptedRoom();
    const there = join(folder, 'witness-token');
    await conduct({ kind: 'release-signing', folder: there, parameters: rehearsed({ ...making, tokens: [token] }, room), room });
    const { files } = verifyTranscript(readFileSync(join(there, 'transcript.jsonl'), 'utf8'));
    expect(files).toEqual({});
    expect(linesIn('witness-token').map(({ step }) => step)).toEqual(
      expect.arrayContaining(['witness-1/fresh', 'witness-1/token', 'custody/proof']),
    );
    expect(linesIn('witness-token').filter(({ step }) => step.startsWith('witness-1/key'))).toEqual([]);
  }, 600_000);

  it('has no name of a key, is not opened to sign a release, and other tokens have one', () => {
    expect(() => plan('release-signing', { ...making, tokens: [{ ...token, keyName: 'example.org/w' }] })).toThrow(/has none/);
    expect(() => plan('release-signing', { ...making, tokens: [{ ...token, for: 'entries' }] })).toThrow(/expected keyName/);
    expect(() => plan('release-signing', { ...example, keys: 'there', tokens: [...example.tokens, token] })).toThrow(
      /opened by the witness itself|expected the vkey/,
    );
  });
});

describe('tls-renewal', () => {
  it(
    'makes another TLS key in the token, destroys the one before, and asks for its certificate',
    async () => {
      const { files } = await rehearse({ kind: 'tls-renewal', folder: join(folder, 'tls'), parameters: exampleParameters('tls-renewal') });
      const lines = linesIn('tls');
      const node = 'node-1';
      const before = lines.find(({ step }) => step === `${node}/identified`)!.facts['tls'];
      const after = String(lines.find(({ step }) => step === `${node}/tls`)!.facts['publicKey']);
      expect(after).not.toBe(before);
      const file = join(folder, `${node}.csr`);
      writeFileSync(file, files[`${node}/tls.csr`]!);
      const told = execFileSync('openssl', ['req', '-in', file, '-noout', '-verify', '-pubkey', '-text'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      expect(told).toContain('DNS:vault.example');
      const pem = /-----BEGIN PUBLIC KEY-----([\s\S]*?)-----END/.exec(told)?.[1]?.replace(/\s/g, '') ?? '';
      expect(Buffer.from(pem, 'base64')).toEqual(Buffer.from(spkiOf(fromBase64url(after))));
    },
    WAIT_MS,
  );

  it(
    'destroys nothing in a token that the fleet entry does not name',
    async () => {
      const room = new ScriptedRoom();
      const parameters = exampleParameters('tls-renewal') as { entry: string };
      const here = join(folder, 'foreign');
      const prepared = (await kindOf('tls-renewal').room!.prepare!(here, parameters, room, async (kind, where, chosen) => {
        await conduct({ kind, folder: where, parameters: chosen, room });
        return verifyTranscript(readFileSync(join(where, 'transcript.jsonl'), 'utf8'));
      })) as { entry: string };
      expect(prepared.entry).not.toBe(parameters.entry);
      const refused = conduct({
        kind: 'tls-renewal',
        folder: here,
        parameters: rehearsed({ ...prepared, entry: parameters.entry }, room),
        room,
      });
      await expect(refused).rejects.toMatchObject({ code: 'alarm', message: expect.stringMatching(/node-1\/identified: .*identity key/) });
      expect(linesIn('foreign').map(({ step }) => step)).not.toContain('node-1/tls-gone');
    },
    WAIT_MS,
  );

  it('takes no more nodes of a fleet than it can do without', () => {
    const parameters = exampleParameters('tls-renewal') as { nodes: object[] };
    const two = [...parameters.nodes, { name: 'node-2', token: { softhsm: 'node-2' } }];
    expect(() => plan('tls-renewal', { ...parameters, nodes: two })).toThrow(/the others of their fleet are a quorum/);
  });
});

describe('retire-fleet', () => {
  const parameters = exampleParameters('retire-fleet') as { entry: string; nodes: object[] };

  it(
    'leaves nothing in any token, and gives the entry that says so',
    async () => {
      const { entry } = await rehearse({ kind: 'retire-fleet', folder: join(folder, 'retired'), parameters });
      const lines = linesIn('retired');
      for (const node of ['node-1', 'node-2', 'node-3']) {
        for (const role of ['sealing', 'tags', 'tls', 'identity'])
          expect(lines.find(({ step }) => step === `${node}/${role}-gone`)?.facts).toEqual({ gone: `holdfast-${role}` });
        expect(lines.find(({ step }) => step === `${node}/empty`)?.facts).toMatchObject({ objects: 0 });
      }
      const [first] = lines;
      const before = parseEntry(String((first!.facts['parameters'] as { entry: string }).entry));
      expect(entry).toMatchObject({ sequence: before.sequence + 1, previous: before.digest, fleets: [{ state: 'retired' }] });
      expect(entry?.fleets[0]?.fleet).toEqual(before.fleets[0]?.fleet);
    },
    WAIT_MS,
  );

  it('is refused for a fleet that is active, and when a node is left out', () => {
    const active = parameters.entry.replace('"state":"retiring"', '"state":"active"');
    expect(() => plan('retire-fleet', { ...parameters, entry: active })).toThrow(/retiring: clients need time/);
    expect(() => plan('retire-fleet', { ...parameters, nodes: parameters.nodes.slice(1) })).toThrow(/every node of the fleet/);
  });
});
