/** The operator's configuration: what is refused, by the name of its key; and that docs/operator.md says of every key what is so. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type OperatorConfigFile, operatorConfigSchema, readOperatorConfig } from '../../src/operator/config.ts';
import { configurationTable } from '../house/configuration.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-operator-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const good = {
  stateDir: 'state',
  rootsDir: 'roots',
  token: { module: '/usr/lib/softhsm/libsofthsm2.so', label: 'operator', pinFile: 'pin' },
  release: [{ module: '/usr/lib/softhsm/libsofthsm2.so', label: 'release-1', pinFile: 'release-1.pin' }],
  tls: { certificateFile: 'tls.pem', keyFile: 'tls-key.pem' },
  witness: { url: 'https://witness.example.org', operatorUrl: 'https://witness.example.org:8444' },
  fleets: [
    {
      transcript: 'first-fleet/transcript.jsonl',
      measurements: [{ digest: '3b4c2f6ad0fb8b4c0b7d1f1fb9f3b0d6f5f2f4a7f1e9d0c8b7a6958473625140', rebuild: 'npm run release' }],
      evidence: [{ about: 'ceremony transcript', file: 'first-fleet/transcript.jsonl', url: 'https://example.org/first-fleet.jsonl' }],
    },
  ],
} satisfies OperatorConfigFile;

function read(value: unknown) {
  const file = join(folder, 'operator.json');
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return readOperatorConfig(file);
}

test('files are relative to the folder of the configuration, and what is left out has a default', () => {
  const { stateDir, release, fleets, thirdParties, validDays } = read(good);
  expect([stateDir, release[0]?.pinFile, fleets[0]?.evidence[0]?.file]).toEqual([
    join(folder, 'state'),
    join(folder, 'release-1.pin'),
    join(folder, 'first-fleet/transcript.jsonl'),
  ]);
  expect([release[0]?.key, thirdParties, validDays]).toEqual(['holdfast-release', 1, 180]);
});

describe('refused, naming the key', () => {
  const { stateDir: _, ...forgetful } = good;
  test.each<[string, unknown]>([
    ['stateDir', forgetful],
    ['token.label', { ...good, token: { ...good.token, label: '' } }],
    ['release', { ...good, release: [] }],
    ['tls', { ...good, tls: { certificateFile: 'tls.pem' } }],
    ['tls', { ...good, tls: { ...good.tls, token: good.token } }],
    ['witness.url', { ...good, witness: { ...good.witness, url: 'http://witness.example.org' } }],
    ['validDays', { ...good, validDays: 401 }],
    ['fleets', { ...good, fleets: [] }],
    ['fleets.0.measurements.0.digest', { ...good, fleets: [{ transcript: 'x', measurements: [{ digest: '00', rebuild: 'x' }] }] }],
    ['the file', { ...good, pin: '1234' }],
    ['the file is not JSON', '{'],
  ])('%s', (key, value) => {
    expect(() => read(value)).toThrow(
      expect.objectContaining({ code: 'configuration', message: expect.stringContaining(`operator.json: ${key}`) }),
    );
  });
});

test('docs/operator.md says it all', () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/operator.md'), 'utf8');
  const table = configurationTable(operatorConfigSchema);
  expect(table).not.toContain('undefined');
  expect(document).toContain(table);
  expect(document).toContain(JSON.stringify(good, undefined, 2));
});
