/**
 * What another release wrote or says is refused in words, not misread: each format names its version, or refuses what it does not
 * know. Stores: test/store/store.test.ts; manifests: test/release; the custodians' desk: test/custody.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { NO_ID } from '../../src/base/bytes.ts';
import { parseTranscript } from '../../src/ceremony/transcript.ts';
import { parseEntry } from '../../src/fleet/entry.ts';
import { readConfig } from '../../src/node/config.ts';
import { prepare } from '../../src/store/schema.ts';
import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';

const refused = (code: string, message: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(message) });
const golden = join(import.meta.dirname, '../fleet/golden');

describe('of another version, refused', () => {
  test('a store, with what to do about it', () => {
    const database = new DatabaseSync(':memory:');
    database.exec('PRAGMA user_version = 99');
    expect(() => prepare(database)).toThrow(
      refused('configuration', /made by another release: start that release again; its registrations are not read any more/),
    );
    database.close();
  });

  test('a fleet entry', () => {
    const [name] = readdirSync(golden).filter((file) => file.includes('entry'));
    const line = readFileSync(join(golden, name!), 'utf8');
    const later = line.replace('holdfast/fleet-bundle/v1', 'holdfast/fleet-bundle/v2');
    expect(later).not.toBe(line);
    expect(() => parseEntry(later)).toThrow(refused('malformed', /the fleet entry: type/));
  });

  test('a signed message: another version of its type, and another suite', () => {
    const bytes = encodeMessage('unlock/activate', { fleet: NO_ID, signer: NO_ID, slot: NO_ID, generation: 1, digest: NO_ID });
    const text = Buffer.from(bytes).toString('latin1');
    const later = Buffer.from(text.replace('holdfast/v1/', 'holdfast/v2/'), 'latin1');
    expect(() => decodeMessage('unlock/activate', later)).toThrow(
      refused('malformed', /expected a signed message of type unlock\/activate/),
    );
    const suite = Buffer.from(bytes);
    suite.writeUInt16BE(2, 1 + (bytes[0] as number));
    expect(() => decodeMessage('unlock/activate', suite)).toThrow(refused('malformed', /expected suite 1/));
  });

  test('a transcript: of another format, or a line of it with something that this release does not know', () => {
    const line = {
      sequence: 1,
      previous: NO_ID,
      time: '2026-01-01T00:00:00.000Z',
      step: 'begin',
      role: 'operator',
      found: false,
      facts: { format: 'holdfast/transcript/v1' },
    };
    expect(parseTranscript(`${JSON.stringify(line)}\n`).lines).toHaveLength(1);
    expect(() => parseTranscript(`${JSON.stringify({ ...line, more: 2 })}\n`)).toThrow(refused('malformed', /Unrecognized key.*more/));
    const later = { ...line, more: 2, facts: { format: 'holdfast/transcript/v2' } };
    for (const other of [later, { ...line, facts: {} }])
      expect(() => parseTranscript(`${JSON.stringify(other)}\n`)).toThrow(
        refused('malformed', /of a format that this release does not know/),
      );
  });

  test('a key of the configuration that this release does not know', () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-versions-'));
    const file = join(folder, 'node.json');
    writeFileSync(
      file,
      JSON.stringify({
        self: 'node-1',
        entryFile: 'entry.json',
        dataDir: 'data',
        token: { module: 'module', label: 'node-1', pin: { fd: 0 } },
        public: { port: 1, tlsCertificateFile: 'tls.pem' },
        peer: { port: 2 },
        peers: {},
        passes: { issuer: 'issuer', audience: 'holdfast', tenant: 'tenant', jwksFile: 'jwks.json' },
        fromALaterRelease: true,
      }),
    );
    expect(() => readConfig(file)).toThrow(refused('configuration', /node.json: the file: Unrecognized key.*fromALaterRelease/));
    rmSync(folder, { recursive: true });
  });
});
