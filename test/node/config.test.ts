/** The configuration file: what is refused, by the name of its key; and that docs/configuration.md says of every key what is so. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readPin } from '../../src/custody/pin.ts';
import { type ConfigFile, configSchema, readConfig } from '../../src/node/config.ts';
import { configurationTable } from '../house/configuration.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const good = {
  self: 'node-1',
  entryFile: 'entry.json',
  dataDir: '/var/lib/holdfast',
  token: { module: '/usr/lib/softhsm/libsofthsm2.so', label: 'node-1', pinFile: 'pin' },
  public: { port: 8443, tlsCertificateFile: 'tls.pem' },
  peer: { port: 8444 },
  peers: { 'node-2': 'two.example.org:8444', 'node-3': '[2001:db8::3]:8444' },
  passes: { issuer: 'https://accounts.example.org', audience: 'holdfast', tenant: 'example', jwksUrl: 'https://accounts.example.org/jwks' },
} satisfies ConfigFile;

function read(value: unknown) {
  const file = join(folder, 'node.json');
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return readConfig(file);
}

test('files are relative to the folder of the configuration', () => {
  const { entryFile, dataDir, token, public: clients } = read(good);
  expect([entryFile, dataDir, token.pinFile, clients.tlsCertificateFile]).toEqual([
    join(folder, 'entry.json'),
    '/var/lib/holdfast',
    join(folder, 'pin'),
    join(folder, 'tls.pem'),
  ]);
});

test('what is left out has a default', () => {
  expect(read(good)).toMatchObject({
    trace: { level: 'info' },
    shutdownMs: 5000,
    timing: { limitMs: 15_000 },
    peerCalls: { inFlightMax: 1024 },
  });
});

describe('refused, naming the key', () => {
  const { self: _, ...nameless } = good;
  test.each<[string, unknown]>([
    ['self', nameless],
    ['token.pin', { ...good, token: { ...good.token, pin: { fd: 0 } } }],
    ['token.pin', { ...good, token: { ...good.token, pinFile: undefined, pin: { fd: 0, credential: 'pin' } } }],
    ['token.pin.credential', { ...good, token: { ...good.token, pinFile: undefined, pin: { credential: '../pin' } } }],
    ['token.label', { ...good, token: { ...good.token, label: '' } }],
    ['public.port', { ...good, public: { ...good.public, port: 70_000 } }],
    ['public.origins.0', { ...good, public: { ...good.public, origins: ['somewhere'] } }],
    ['peers.node-2', { ...good, peers: { 'node-2': 'two.example.org' } }],
    ['passes.jwksUrl', { ...good, passes: { ...good.passes, jwksUrl: 'http://accounts.example.org/jwks' } }],
    ['passes.jwksFile', { ...good, passes: { ...good.passes, jwksFile: 'jwks.json' } }],
    ['timing.limitMs', { ...good, timing: { limitMs: 0 } }],
    ['the file', { ...good, pin: '1234' }],
    ['the file is not JSON', '{'],
  ])('%s', (key, value) => {
    expect(() => read(value)).toThrow(
      expect.objectContaining({ code: 'configuration', message: expect.stringContaining(`node.json: ${key}`) }),
    );
  });

  test('a file that is not there', () => {
    expect(() => readConfig(join(folder, 'nowhere.json'))).toThrow(/nowhere.json cannot be read/);
  });

  test('a PIN that others may read, or that is none', () => {
    const file = join(folder, 'pin');
    writeFileSync(file, '123456\n', { mode: 0o600 });
    expect(readPin(file).reveal()).toBe('123456');
    chmodSync(file, 0o640);
    expect(() => readPin(file)).toThrow(/token.pinFile: others may read/);
    writeFileSync(file, '\n');
    chmodSync(file, 0o600);
    expect(() => readPin(file)).toThrow(/token.pinFile: .* is empty/);
  });
});

test('docs/configuration.md says it all', async () => {
  const text = `# Configuration of a node

One JSON file, given to \`holdfast node start --config\`. Files in it are relative to its own folder; times are in
milliseconds. Keys that are not named here are refused, and so is a start over a file that is not whole: the message names
the key. The last column says what whoever controls a key can at most do, beyond what the others say of the whole
(docs/design.md, "Who can do what").

That of a witness is in [witness.md](witness.md). This page is made from src/node/config.ts by test/node/config.test.ts (\`vitest run test/node/config.test.ts --update\`).

${configurationTable(configSchema)}

## Example

\`\`\`json
${JSON.stringify(good, undefined, 2)}
\`\`\`
`;
  expect(text).not.toContain('undefined');
  await expect(text).toMatchFileSnapshot('../../docs/configuration.md');
});
