/** Releases, and the configuration files of every program. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { readAccountsConfig } from '../../../src/accounts/config.ts';
import { type Stored, spellEntries } from '../../../src/backup/tar.ts';
import { utf8 } from '../../../src/base/bytes.ts';
import { readConfig as readNodeConfig } from '../../../src/node/config.ts';
import { readOperatorConfig } from '../../../src/operator/config.ts';
import { readArchive } from '../../../src/release/archive.ts';
import { parseManifest, spellManifest } from '../../../src/release/manifest.ts';
import { openNote, parseReleaseKey } from '../../../src/release/note.ts';
import { readConfig as readWitnessConfig } from '../../../src/witness/config.ts';
import { all } from '../../backup/streams.ts';
import { type Parser, textOf } from '../parser.ts';

const golden = (name: string) => readFileSync(new URL(`../../release/golden/${name}`, import.meta.url), 'utf8');

const manifest: Parser = {
  spelling: 'one',
  refuses: ['malformed', 'too-large'],
  seeds: () => [golden('manifest.golden.json')],
  read: (bytes) => spellManifest(parseManifest(bytes)),
};

const releaseKey: Parser = {
  spelling: 'one',
  refuses: ['malformed'],
  seeds: () => [golden('release.vkey').trim()],
  read(bytes) {
    const text = textOf(bytes);
    const { name, id } = parseReleaseKey(text);
    return text.startsWith(`${name}+${id}+`) ? text : 'another name or id';
  },
};

/** Signatures by other keys may follow, so what is read is only the text. */
const releaseNote: Parser = {
  spelling: 'many',
  refuses: ['release-refused', 'malformed'],
  seeds: () => [golden('manifest.note')],
  read(bytes) {
    const note = textOf(bytes);
    if (!note.startsWith(openNote(note, [parseReleaseKey(golden('release.vkey').trim())]))) throw new Error('another text was signed');
    return note;
  },
};

const archive: Parser = {
  spelling: 'many',
  refuses: ['release-refused'],
  seeds: async () => {
    const bytes = utf8('{}\n');
    const stream = async function* (): AsyncGenerator<Stored> {
      const content = (async function* () {
        yield bytes;
      })();
      yield { kind: 'file', path: 'manifest.json', mode: 0o644, mtimeNs: 0n, size: bytes.length, uid: 0, gid: 0, content };
    };
    return [await all(spellEntries(stream()))];
  },
  async read(bytes) {
    await readArchive(Readable.from([Buffer.from(bytes)]));
    return bytes;
  },
};

const folder = mkdtempSync(join(tmpdir(), 'holdfast-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

function configuration(read: (file: string) => object, seed: object): Parser {
  const file = join(folder, 'config.json');
  return {
    spelling: 'many',
    refuses: ['configuration'],
    seeds: () => [JSON.stringify(seed)],
    read(bytes) {
      writeFileSync(file, bytes);
      read(file);
      return bytes;
    },
  };
}

const token = { module: '/usr/lib/softhsm/libsofthsm2.so', label: 'node-1', pinFile: 'pin' };
const digest = 'ab'.repeat(32);

const nodeConfig = configuration(readNodeConfig, {
  self: 'node-1',
  entryFile: 'entry.json',
  dataDir: '/var/lib/holdfast',
  token,
  public: { port: 8443, tlsCertificateFile: 'tls.pem', origins: ['https://example.org'] },
  peer: { port: 8444 },
  peers: { 'node-2': 'two.example.org:8444', 'node-3': '[2001:db8::3]:8444' },
  passes: { issuer: 'https://accounts.example.org', audience: 'holdfast', tenant: 'example', jwksUrl: 'https://accounts.example.org/jwks' },
});

const witnessConfig = configuration(readWitnessConfig, {
  name: 'witness.example.org/w1',
  dataDir: '/var/lib/holdfast-witness',
  token: { ...token, label: 'witness' },
  public: { port: 443, tlsCertificateFile: 'tls.pem', tlsKeyFile: 'tls-key.pem' },
  log: {
    origin: 'witness.example.org/log',
    rootsDir: 'roots',
    operator: { port: 8444, clients: [digest] },
    witnesses: [{ vkey: 'third.example+aabbccdd+BOEuF6EfU9mUSyDprBkmU5XydmLGmw39rK8iBBs1HhLX', url: 'https://third.example/w' }],
  },
  witnessed: [{ vkey: 'other.example/log+11223344+AcAPkH7sp3X7h+Ljb0U8ZpvYyZTRLdQ6xT2xJkZ0kTRE' }],
});

const operatorConfig = configuration(readOperatorConfig, {
  stateDir: 'state',
  rootsDir: 'roots',
  token: { ...token, label: 'operator' },
  release: [{ ...token, label: 'release-1' }],
  tls: { certificateFile: 'tls.pem', keyFile: 'tls-key.pem' },
  witness: { url: 'https://witness.example.org', operatorUrl: 'https://witness.example.org:8444' },
  fleets: [
    {
      transcript: 'transcript.jsonl',
      measurements: [{ digest, rebuild: 'npm run release' }],
      evidence: [{ about: 'transcript', file: 'transcript.jsonl', url: 'https://example.org/first-fleet.jsonl' }],
    },
  ],
});

const accountsConfig = configuration(readAccountsConfig, {
  port: 0,
  issuer: 'https://accounts.example.org',
  audience: 'holdfast',
  dataDir: 'data',
  origins: ['https://example.org'],
});

export const files = {
  manifest,
  'release-key': releaseKey,
  'release-note': releaseNote,
  archive,
  'node-config': nodeConfig,
  'witness-config': witnessConfig,
  'operator-config': operatorConfig,
  'accounts-config': accountsConfig,
};
