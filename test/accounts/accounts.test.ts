import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publicKeys, type RunningAccounts, startAccounts } from '../../src/accounts/service.ts';
import { generateClientKey } from '../../src/client/key.ts';
import { clientKeyId, clientKeyJwk } from '../../src/vault/client-key.ts';

let dataDir: string;
let service: RunningAccounts | undefined;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdfast-accounts-'));
});
afterEach(async () => {
  await service?.close();
  service = undefined;
  rmSync(dataDir, { recursive: true, force: true });
});

const start = async () => {
  service = await startAccounts({
    host: '127.0.0.1',
    port: 0,
    issuer: 'https://accounts.example',
    audience: 'vault',
    dataDir,
    origins: [PAGE],
  });
  return service.url;
};
const PAGE = 'https://app.example.org';
const post = (url: string, body: string) => fetch(`${url}/login`, { method: 'POST', body });

describe('the development account service', () => {
  it('names the client key by its thumbprint in a pass that its published key verifies', async () => {
    const url = await start();
    const { publicKey } = await generateClientKey();
    const response = await post(url, JSON.stringify({ user: 'alice', clientKey: clientKeyJwk(publicKey) }));
    const { pass } = (await response.json()) as { pass: string };
    const { payload } = await jwtVerify(pass, createLocalJWKSet(await publicKeys(dataDir)), { issuer: 'https://accounts.example' });
    expect(payload.sub).toBe('alice');
    const { jkt } = payload['cnf'] as { jkt: string };
    expect(Buffer.from(jkt, 'base64url').toString('hex')).toBe(clientKeyId(publicKey));
  });

  it('keeps its key, readable by its owner only', async () => {
    await publicKeys(dataDir);
    const first = await publicKeys(dataDir);
    expect(await publicKeys(dataDir)).toEqual(first);
    expect(statSync(join(dataDir, 'signing-key.json')).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(first)).not.toContain('"d"');
  });

  it('refuses what is not a login', async () => {
    const url = await start();
    expect((await post(url, 'no JSON')).status).toBe(400);
    expect((await post(url, JSON.stringify({ user: 'alice' }))).status).toBe(400);
    expect((await post(url, 'x'.repeat(5000))).status).toBe(413);
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
  });

  it('lets pages of configured origins log in, and no others', async () => {
    const url = await start();
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
    const preflight = (origin: string) => fetch(`${url}/login`, { method: 'OPTIONS', headers: { origin, ...asked } });
    const allowed = await preflight(PAGE);
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([204, PAGE]);
    expect(allowed.headers.get('access-control-allow-headers')).toBe('content-type');
    for (const origin of ['https://elsewhere.example.org', `${PAGE}.evil.example`, 'null']) {
      expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull();
    }
    expect((await fetch(`${url}/health`, { headers: { origin: 'https://elsewhere.example.org' } })).headers.get('vary')).toBe('origin');
  });

  it('does not run in production', async () => {
    process.env['NODE_ENV'] = 'production';
    try {
      await expect(start()).rejects.toMatchObject({ code: 'configuration' });
    } finally {
      process.env['NODE_ENV'] = 'test';
    }
  });
});
