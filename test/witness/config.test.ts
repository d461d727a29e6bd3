/** The configuration file: what is refused, by the name of its key; and that docs/witness.md says of every key what is so. */
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ConfigFile, configSchema, readConfig } from '../../src/witness/config.ts';
import { tokenOf } from '../../src/witness/keys.ts';
import { configurationTable } from '../house/configuration.ts';
import { makeSite } from './site.ts';

const site = makeSite();
afterAll(site.remove);

const good = {
  name: 'witness.example.org/w1',
  dataDir: '/var/lib/holdfast-witness',
  token: { module: '/usr/lib/softhsm/libsofthsm2.so', label: 'witness', pinFile: 'pin' },
  public: { port: 443, tlsCertificateFile: 'tls.pem', tlsKeyFile: 'tls-key.pem' },
  log: {
    origin: 'witness.example.org/log',
    rootsDir: 'roots',
    operator: { port: 8444, clients: ['3b4c2f6ad0fb8b4c0b7d1f1fb9f3b0d6f5f2f4a7f1e9d0c8b7a6958473625140'] },
    witnesses: [{ vkey: 'third.example+aabbccdd+BOEuF6EfU9mUSyDprBkmU5XydmLGmw39rK8iBBs1HhLX', url: 'https://third.example/w' }],
  },
  witnessed: [{ vkey: 'other.example/log+11223344+AcAPkH7sp3X7h+Ljb0U8ZpvYyZTRLdQ6xT2xJkZ0kTRE' }],
} satisfies ConfigFile;

function read(value: unknown) {
  site.write('witness.json', typeof value === 'string' ? value : JSON.stringify(value));
  return readConfig(site.path('witness.json'));
}

test('files are relative to the folder of the configuration', () => {
  const { dataDir, token, public: all, log } = read(good);
  expect([dataDir, token.pinFile, all.tlsCertificateFile, log?.rootsDir]).toEqual([
    '/var/lib/holdfast-witness',
    site.path('pin'),
    site.path('tls.pem'),
    site.path('roots'),
  ]);
});

test('what is left out has a default, and a witness without a log is one that cosigns', () => {
  const { log: _, witnessed: __, ...rest } = good;
  expect(read(rest)).toMatchObject({ trace: { level: 'info' }, shutdownMs: 5000, witnessed: [] });
  expect(read(rest)).not.toHaveProperty('log');
});

describe('refused, naming the key', () => {
  const { name: _, ...nameless } = good;
  test.each<[string, unknown]>([
    ['name', nameless],
    ['name', { ...good, name: 'a+b' }],
    ['token.label', { ...good, token: { ...good.token, label: '' } }],
    ['public.port', { ...good, public: { ...good.public, port: 70_000 } }],
    ['public.tlsKeyFile', { ...good, public: { port: 1, tlsCertificateFile: 'tls.pem' } }],
    ['log.origin', { ...good, log: { ...good.log, origin: 'a b' } }],
    ['log.operator.clients', { ...good, log: { ...good.log, operator: { port: 1, clients: [] } } }],
    ['log.operator.clients.0', { ...good, log: { ...good.log, operator: { port: 1, clients: ['00'] } } }],
    ['log.witnesses.0.url', { ...good, log: { ...good.log, witnesses: [{ vkey: 'x', url: 'http://third.example' }] } }],
    ['the file', { ...good, pin: '1234' }],
    ['the file is not JSON', '{'],
  ])('%s', (key, value) => {
    expect(() => read(value)).toThrow(
      expect.objectContaining({ code: 'configuration', message: expect.stringContaining(`witness.json: ${key}`) }),
    );
  });

  test('a PIN that others may read, or that is none', async () => {
    const config = read(good);
    const traced: string[] = [];
    const told = (_: object, words: string) => traced.push(words);
    const obtaining = { trace: { info: told, warn: told }, stop: new AbortController().signal };
    site.write('pin', '123456\n');
    expect((await tokenOf(config, obtaining)).pin.reveal()).toBe('123456');
    expect(traced).toEqual([expect.stringContaining('DEVELOPMENT')]);
    chmodSync(site.path('pin'), 0o640);
    await expect(tokenOf(config, obtaining)).rejects.toThrow(/token.pinFile: others may read/);
    site.write('pin', '\n');
    chmodSync(site.path('pin'), 0o600);
    await expect(tokenOf(config, obtaining)).rejects.toThrow(/token.pinFile: .* is empty/);
  });
});

test('docs/witness.md says it all', () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/witness.md'), 'utf8');
  const table = configurationTable(configSchema);
  expect(table).not.toContain('undefined');
  expect(document).toContain(table);
  expect(document).toContain(JSON.stringify(good, undefined, 2));
});
