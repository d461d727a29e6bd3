/** Who a pass lets in, and that a refused one is never repeated. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { calculateJwkThumbprint, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { clientKeyJwk } from '../../src/vault/client-key.ts';
import { accountId, PASSCODE } from '../../src/vault/slot.ts';
import { makePasses } from '../../src/web/pass.ts';
import { AUDIENCE, claims, ISSUER, newClientKey, newIssuer, thumbprint } from './passes.ts';

const NOW = Date.UTC(2026, 5, 1);
const rules = { namespace: 'example.org/vault', issuer: ISSUER, audience: AUDIENCE, tenant: 'example' };
const issuer = await newIssuer();
const clientKey = newClientKey();
const passes = (now = NOW) => makePasses({ ...rules, jwks: issuer.jwks }, () => now);
const good = claims(clientKey, NOW);

test('a good pass makes the caller', async () => {
  const pass = await issuer.sign(good);
  const caller = await passes().check(pass, PASSCODE, clientKey);
  expect(caller.place).toEqual({ tenant: 'example', account: accountId(rules.namespace, ISSUER, 'alice'), way: PASSCODE });
  expect(caller.pass.reveal()).toBe(pass);
  expect(JSON.stringify(caller)).not.toContain(pass);
});

test('the thumbprint is that of RFC 7638 as another implementation computes it', async () => {
  expect(thumbprint(clientKey)).toBe(await calculateJwkThumbprint({ ...clientKeyJwk(clientKey) }));
});

describe('refused, without being repeated', () => {
  const { cnf: _cnf, ...noKey } = good;
  const { exp: _exp, ...noEnd } = good;
  const { sub: _sub, ...noSubject } = good;
  test.each([
    ['another issuer', { ...good, iss: 'https://elsewhere.example.org' }],
    ['another audience', { ...good, aud: 'other' }],
    ['expired', { ...good, exp: NOW / 1000 - 6 }],
    ['not yet valid', { ...good, nbf: NOW / 1000 + 60 }],
    ['without an end', noEnd],
    ['without a subject', noSubject],
    ['with an empty subject', { ...good, sub: '' }],
    ['with a subject that is too long', { ...good, sub: 'x'.repeat(256) }],
    ['without a client key', noKey],
    ['for another client key', { ...good, cnf: { jkt: thumbprint(newClientKey()) } }],
  ])('%s', async (_, payload) => {
    const pass = await issuer.sign(payload);
    const error = await passes()
      .check(pass, PASSCODE, clientKey)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'pass-refused' });
    expect(`${(error as Error).message}${JSON.stringify(error)}`).not.toContain(pass.slice(0, 20));
  });

  test('signed by a stranger', async () => {
    const pass = await (await newIssuer()).sign(good);
    await expect(passes().check(pass, PASSCODE, clientKey)).rejects.toMatchObject({ code: 'pass-refused' });
  });

  test('unsigned, or signed with the public key as an HMAC secret', async () => {
    const body = Buffer.from(JSON.stringify(good)).toString('base64url');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
    await expect(passes().check(none, PASSCODE, clientKey)).rejects.toMatchObject({ code: 'pass-refused' });
    const secret = new TextEncoder().encode(JSON.stringify(issuer.jwks.keys[0]));
    const hmac = await new SignJWT(good).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(secret);
    await expect(passes().check(hmac, PASSCODE, clientKey)).rejects.toMatchObject({ code: 'pass-refused' });
  });

  test('no JWT at all', async () => {
    await expect(passes().check('no pass', PASSCODE, clientKey)).rejects.toMatchObject({ code: 'pass-refused' });
  });
});

test('a remembered pass ends with its time, and is still bound to its client key', async () => {
  let now = NOW;
  const remembering = makePasses({ ...rules, jwks: issuer.jwks }, () => now);
  const pass = await issuer.sign({ ...good, exp: NOW / 1000 + 30 });
  await remembering.check(pass, PASSCODE, clientKey);
  await remembering.check(pass, PASSCODE, clientKey);
  await expect(remembering.check(pass, PASSCODE, newClientKey())).rejects.toMatchObject({ code: 'pass-refused' });
  now = NOW + 36_000;
  await expect(remembering.check(pass, PASSCODE, clientKey)).rejects.toMatchObject({ code: 'pass-refused' });
});

test('keys are fetched from the issuer; while it is away the answer is to try again', async () => {
  const server = createServer((_, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify(issuer.jwks)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`);
  const pass = await issuer.sign(good);
  await expect(makePasses({ ...rules, jwks: url }, () => NOW).check(pass, PASSCODE, clientKey)).resolves.toBeDefined();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await expect(makePasses({ ...rules, jwks: url }, () => NOW).check(pass, PASSCODE, clientKey)).rejects.toMatchObject({
    code: 'overloaded',
  });
});
