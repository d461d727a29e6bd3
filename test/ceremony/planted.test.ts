/**
 * The administrator's key (attack: who prepared the devices put a key into one, of which he has a copy; what is sealed to it he
 * opens). Before the ceremony he makes a token that he has the PIN of; during it, knowing the PIN, he imports a key under the name
 * that the ceremony looks for. Both end the ceremony by name, and there is no fleet.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemRandom } from '../../src/base/ports.ts';
import { conduct } from '../../src/ceremony/conduct.ts';
import { DevelopmentSite } from '../../src/ceremony/development-site.ts';
import { perform } from '../../src/ceremony/perform.ts';
import { SOFTHSM_MODULE } from '../../src/ceremony/places.ts';
import { developmentFleet } from '../../src/ceremony/plans/development-fleet.ts';
import { rehearsed } from '../../src/ceremony/rehearsal.ts';
import { parseTranscript, Transcript } from '../../src/ceremony/transcript.ts';
import { exampleParameters, ScriptedRoom } from './room.ts';

const WAIT_MS = 300_000;
const INIT_TOKEN = join(import.meta.dirname, '../../softhsm/init-token.sh');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-planted-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (file: string, text: string | Uint8Array): string => {
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};

/** A sealing key whose private half lies in a file too. */
function plant(token: string, pinFile: string): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = write(join(token, 'copy.der'), privateKey.export({ format: 'der', type: 'pkcs8' }));
  execFileSync(
    'pkcs11-tool',
    ['--module', SOFTHSM_MODULE, '--token-label', 'node-1', '--login', '--pin', 'env:PIN', '--write-object', key].concat([
      '--type',
      'privkey',
      '--label',
      'holdfast-sealing',
      '--id',
      '01',
      '--usage-derive',
      '--sensitive',
    ]),
    { stdio: 'pipe', env: { ...process.env, SOFTHSM2_CONF: join(token, 'softhsm2.conf'), PIN: readFileSync(pinFile, 'utf8').trim() } },
  );
}

it(
  'in a token that was made before the ceremony: it is not fresh, and nothing is made in it',
  async () => {
    const where = join(folder, 'before');
    const token = join(where, 'node-1');
    mkdirSync(token, { recursive: true, mode: 0o700 });
    const pins = ['so-pin', 'pin'].map((name, i) => write(join(folder, name), `${'1234'.repeat(2 + i)}\n`));
    execFileSync(INIT_TOKEN, [token, 'node-1', ...pins], { stdio: 'pipe' });
    plant(token, pins[1]!);
    const room = new ScriptedRoom();
    const parameters = rehearsed(exampleParameters('first-fleet'), room);
    await expect(conduct({ kind: 'first-fleet', folder: where, parameters, room })).rejects.toMatchObject({
      message: expect.stringContaining('it was never initialised: nothing is in it, and nobody has a PIN of it'),
    });
    const { lines } = parseTranscript(readFileSync(join(where, 'transcript.jsonl'), 'utf8'));
    expect(lines.map(({ step }) => step)).not.toContain('node-1/fresh');
    expect(existsSync(join(where, 'fleet-entry.json'))).toBe(false);
  },
  WAIT_MS,
);

it(
  'imported during the ceremony under the name of a node’s: the ceremony finds it, whenever it came, and there is no fleet',
  async () => {
    const where = join(folder, 'during');
    mkdirSync(where, { mode: 0o700 });
    let planted = false;
    // Once the token was seen to be empty (its probe makes a key pair too, for the session), and before this key is made.
    const site = new DevelopmentSite(where, systemRandom, (act) => {
      if (planted || !act.includes('C_GenerateKeyPair') || !act.includes('"holdfast-identity"')) return;
      planted = true;
      plant(join(where, 'node-1'), join(where, 'node-1', 'pin'));
    });
    const node = { region: 'here', operator: 'Development', url: 'https://127.0.0.1:1', publicPort: 1, peerPort: 2, metricsPort: 3 };
    const plan = developmentFleet({
      namespace: 'holdfast-test',
      tenant: 'test',
      quorum: 2,
      validFrom: '2026-01-01T00:00:00Z',
      validUntil: '2036-01-01T00:00:00Z',
      pages: 2,
      nodes: [1, 2, 3].map((i) => ({ ...node, name: `node-${i}` })),
      accountsPort: 4,
    });
    const transcript = join(where, 'transcript.jsonl');
    try {
      await expect(perform(plan, site, new Transcript(transcript, Date.now))).rejects.toMatchObject({
        // The token is in a process of its own, so it is chance how far that is: before the key is made, or when it is read back, and then
        // which mark of an imported key is missed first.
        message: expect.stringMatching(
          /there is nothing in it|already has an object of this label|CKA_LOCAL|CKA_ALWAYS_SENSITIVE|CKA_NEVER_EXTRACTABLE/,
        ),
      });
    } finally {
      site.close();
    }
    expect(planted).toBe(true);
    const steps = parseTranscript(readFileSync(transcript, 'utf8')).lines.map(({ step }) => step);
    expect(steps).not.toContain('node-1/sealing');
    expect(existsSync(join(where, 'fleet-entry.json'))).toBe(false);
  },
  WAIT_MS,
);
