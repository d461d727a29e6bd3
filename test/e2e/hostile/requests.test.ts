/** Law 5: passes and signed requests that are not in order, on real processes and TLS. */
import { importJWK, type JWK, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { fromBase64url } from '../../../src/base/bytes.ts';
import { RECOVERY_CODE } from '../../../src/client/index.ts';
import { slotId } from '../../../src/vault/slot.ts';
import { hash } from '../../../src/wire/signed.ts';
import { thumbprint } from '../../web/passes.ts';
import { accountsFile, type Json, type Raw, verdict } from '../raw.ts';
import { alice, asked, bob, fleet, head, mallory, OTHER_FLEET, otherId, refused, stage, standing } from './world.ts';
import { writtenDown } from './written.ts';

stage();

describe('a pass', () => {
  const status = async (pass: string | undefined, by: Raw = alice.raw) => {
    const headers = { authorization: pass === undefined ? 'Basic YTpi' : `Bearer ${pass}` };
    return by.ask('status', { request: await by.request() }, headers);
  };
  const mint = async (changed: Json, header: { alg: string; kid?: string } = { alg: 'ES256' }, key?: JWK | Uint8Array) => {
    const own = accountsFile(fleet, 'data', 'signing-key.json') as JWK;
    const { issuer, audience } = accountsFile(fleet, 'accounts.json') as { issuer: string; audience: string };
    const exp = Math.floor(Date.now() / 1000) + 600;
    const cnf = { jkt: thumbprint(alice.raw.clientKey.publicKey) };
    const signer = key instanceof Uint8Array ? key : await importJWK(key ?? own, 'ES256');
    return new SignJWT({ iss: issuer, aud: audience, sub: 'alice', exp, cnf, ...changed })
      .setProtectedHeader({ kid: own.kid ?? '', ...header })
      .sign(signer);
  };
  const unsigned = async () => {
    const [, payload] = (await mint({})).split('.');
    return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
  };
  const foreignKey = async () => {
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
    return (await crypto.subtle.exportKey('jwk', privateKey)) as JWK;
  };
  const publicKeyText = () => {
    const { kty, crv, x, y } = accountsFile(fleet, 'data', 'signing-key.json');
    return new TextEncoder().encode(JSON.stringify({ kty, crv, x, y }));
  };

  it('that the account service would give is taken, so that the refusals below have their own reasons', async () => {
    expect(verdict(await status(await mint({})))).toBe('said by 3');
  });
  refused([
    ['that is none', '401 pass-refused', () => status(undefined)],
    ['that is no JWT', '401 pass-refused', () => status('a.b.c')],
    ['of another person', '401 pass-refused', () => status(mallory.pass)],
    ['with a changed byte', '401 pass-refused', () => status(`${alice.raw.pass.slice(0, -10)}AAAAAAAAAA`)],
    ['that has expired', '401 pass-refused', async () => status(await mint({ exp: Math.floor(Date.now() / 1000) - 60 }))],
    ['that never expires', '401 pass-refused', async () => status(await mint({ exp: undefined }))],
    ['of another issuer', '401 pass-refused', async () => status(await mint({ iss: 'https://elsewhere.example' }))],
    ['for another audience', '401 pass-refused', async () => status(await mint({ aud: 'elsewhere' }))],
    ['without a client key', '401 pass-refused', async () => status(await mint({ cnf: undefined }))],
    ['signed with a key of one’s own', '401 pass-refused', async () => status(await mint({}, { alg: 'ES256' }, await foreignKey()))],
    ['that names no algorithm', '401 pass-refused', async () => status(await unsigned())],
    ['by HMAC under the public key', '401 pass-refused', async () => status(await mint({}, { alg: 'HS256' }, publicKeyText()))],
    ['with another client key than it names', '401 pass-refused', async () => status(alice.raw.pass, mallory)],
    ['that is enormous', '401 pass-refused', () => status('a'.repeat(5000))],
  ]);
});

describe('a request', () => {
  const status = async (...how: Parameters<Raw['request']>) => alice.raw.ask('status', { request: await alice.raw.request(...how) });
  const inSeconds = (seconds: number) => ({ expiry: BigInt(Math.floor(Date.now() / 1000) + seconds) });
  const attempt = async (changed: Parameters<Raw['request']>[0] = {}, element = goodElement()) => {
    const body = hash(fromBase64url(element));
    const request = await alice.raw.request({ operation: 'attempt', ...head(alice), attempt: 4, body, ...changed });
    return alice.raw.ask('attempt', { request, element });
  };
  const goodElement = () => String(asked(alice, 'attempt')['element']);
  const otherElement = () => String(asked(bob, 'attempt')['element']);
  /** Just as it was sent, with the pass of then. */
  const again = (operation: string, index = 0) => {
    const exchange = alice.exchanges.filter((one) => one.operation === operation)[index] ?? expect.fail(`no ${operation} was overheard`);
    return alice.raw.post(`/v1/${operation}`, exchange.asked, { authorization: exchange.authorization });
  };

  refused([
    ['signed with another client key than the pass names', 'not-signed by 3', () => status({}, mallory.clientKey)],
    ['in the name of another client key', 'not-signed by 3', () => status({ signer: otherId })],
    ['that has expired', 'request-expired by 3', () => status(inSeconds(-1))],
    ['that would live for ever', 'request-expired by 3', () => status(inSeconds(86_400))],
    ['for another fleet', 'wrong-fleet by 3', () => status({ fleet: OTHER_FLEET })],
    ['for the slot of another person', 'pass-refused by 3', () => status({ slot: bob.registration.slot })],
    [
      'for another way in of the same person',
      'pass-refused by 3',
      () => status({ slot: slotId({ ...alice.raw.place, way: RECOVERY_CODE }) }),
    ],
    ['for another operation', 'malformed by 3', () => status({ operation: 'events' })],
    ['for the status, sent as a guess', 'malformed by 3', () => attempt({ operation: 'status' })],
    ['of a guess with a swapped element', 'malformed by 3', () => attempt({ body: hash(fromBase64url(otherElement())) })],
    ['of a guess at no point of the curve', 'malformed by 3', () => attempt({}, `A${'_'.repeat(43)}${goodElement().slice(44)}`)],
    [
      'of a guess whose check is not proven',
      'malformed by 3',
      () => attempt({}, `${goodElement().slice(0, 44)}${otherElement().slice(44)}`),
    ],
    ['of a guess at half an element', '400 malformed', () => attempt({}, goodElement().slice(0, 44))],
    ['of a guess at a generation that is not', 'unknown-generation by 3', () => attempt({ generation: 2 })],
    ['of a guess at another registration', 'stale-generation by 3', () => attempt({ digest: otherId })],
    ['of a guess under a number already used', 'attempt-out-of-range by 3', () => attempt({ attempt: 2 })],
    ['of a guess beyond the ten', 'attempt-out-of-range by 3', () => attempt({ attempt: 13 })],
    ['of a guess under the largest number', 'attempt-out-of-range by 3', () => attempt({ attempt: 0xffff_ffff })],
    ['of a guess at the largest generation', 'unknown-generation by 3', () => attempt({ generation: 0xffff_ffff })],
    ['of a guess under number 0', 'attempt-out-of-range by 3', () => attempt({ attempt: 0 })],
    ['of an earlier guess, sent again', 'attempt-out-of-range by 3', () => again('attempt', 0)],
  ]);

  it('sent again is the same guess: answered, and counted once', async () => {
    const before = await standing();
    expect(verdict(await again('attempt', 2))).toBe('said by 3');
    expect(verdict(await again('status', 0))).toBe('said by 3');
    expect(verdict(await again('register'))).toBe('said by 3');
    expect(await standing()).toEqual(before);
  });
});

writtenDown('not-signed');
