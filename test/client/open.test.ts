import { createCipheriv, createDecipheriv, createECDH } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { nativeArgon2id } from '../../src/client/node/index.ts';
import { blindInput, dealRegistration, openRegistration } from '../../src/client/open.ts';
import { type Fleet, makeFleet } from '../../src/fleet/fleet.ts';
import { checkIn, elementIn } from '../../src/oprf/checked.ts';
import { evaluate } from '../../src/oprf/oprf.ts';
import { KDF_MIN } from '../../src/vault/kdf.ts';
import { normalisePasscode } from '../../src/vault/passcode.ts';
import { coreOf, parseRegistration, type Registration, shareContext } from '../../src/vault/registration.ts';
import { PASSCODE } from '../../src/vault/slot.ts';
import { publicKeyOf } from '../../src/vault/unlock.ts';
import { hash } from '../../src/wire/signed.ts';

const tools = { random: systemRandom, argon2id: nativeArgon2id };
const POLICY = { guesses: 10, coolingOffSeconds: 0, graceSeconds: 0 };
const RIGHT = normalisePasscode('271828');
const WRONG = normalisePasscode('314159');

/** Nodes whose sealing keys OpenSSL holds: what a token does inside, done here on the host. */
function softwareFleet(n: 3 | 5) {
  const hosts = Array.from({ length: n }, () => {
    const sealing = createECDH('prime256v1');
    sealing.generateKeys();
    return sealing;
  });
  const keys = hosts.map((sealing) => ({
    identityKey: publicKeyOf(new Secret(systemRandom(32).fill(1, 0, 1))),
    sealingKey: new Uint8Array(sealing.getPublicKey(null, 'compressed')),
  }));
  const fleet = makeFleet('test', (n + 1) / 2, (n + 1) / 2, keys);
  /** The share that opens for node i, or nothing. */
  const open = (registration: Registration, i: number): Secret<Uint8Array> | undefined => {
    const share = registration.shares[i];
    const node = fleet.nodes[i];
    const sealing = hosts[i];
    if (share === undefined || node === undefined || sealing === undefined || 'hash' in share) return undefined;
    try {
      const x = sealing.computeSecret(share.ephemeralKey);
      const cipher = createCipheriv('aes-256-cbc', x, Buffer.alloc(16)).setAutoPadding(false);
      const kek = cipher.update(shareContext(fleet, node, share.ephemeralKey, coreOf(registration)));
      const unwrap = createDecipheriv('id-aes256-wrap-pad', kek, Buffer.from('a65959a6', 'hex'));
      const pkcs8 = Buffer.concat([unwrap.update(share.wrapped), unwrap.final()]);
      return new Secret(new Uint8Array(pkcs8.subarray(36, 68)));
    } catch {
      return undefined;
    }
  };
  return { fleet, open };
}

/** What a token with this share answers. */
function answerOf(share: Secret<Uint8Array> | undefined, i: number, element: Uint8Array) {
  const x = (point: Uint8Array) => evaluate(share ?? expect.fail('the share does not open'), point).subarray(1);
  return { index: i + 1, evaluated: concatBytes(x(elementIn(element)), x(checkIn(element))) };
}

async function dealt(fleet: Fleet, secret: Uint8Array): Promise<Registration> {
  const place = { tenant: 'test', account: hash(new Uint8Array()), way: PASSCODE };
  const deposit = { secret: new Secret(secret), input: RIGHT, policy: POLICY, kdf: KDF_MIN };
  return parseRegistration((await dealRegistration(fleet, place, 1, deposit, tools)).registration, fleet);
}

describe('a registration', () => {
  const secret = systemRandom(32);

  it('opens with the answers of any threshold of nodes, for the right passcode only, and is sure of either', async () => {
    const { fleet, open } = softwareFleet(5);
    const registration = await dealt(fleet, secret);
    for (const passcode of [RIGHT, WRONG]) {
      const { blind, element } = blindInput(passcode, systemRandom);
      const answers = [4, 0, 2].map((i) => answerOf(open(registration, i), i, element));
      const opening = await openRegistration(fleet, registration, passcode, blind, answers, tools);
      expect(opening.opened?.secret).toEqual(passcode === RIGHT ? secret : undefined);
      expect(opening).toMatchObject({ sure: true, liars: [] });
    }
  });

  it('of 5 nodes opens in spite of two that lie in any way, with and without another one down, and names them', async () => {
    const { fleet, open } = softwareFleet(5);
    const registration = await dealt(fleet, secret);
    const other = new Secret(systemRandom(32).fill(1, 0, 1));
    for (const passcode of [RIGHT, WRONG]) {
      const { blind, element } = blindInput(passcode, systemRandom);
      const honest = [0, 1, 2].map((i) => answerOf(open(registration, i), i, element));
      const right = answerOf(open(registration, 3), 3, element).evaluated;
      const lies = [
        answerOf(other, 3, element).evaluated,
        concatBytes(right.subarray(0, 32), systemRandom(32)),
        concatBytes(answerOf(other, 3, element).evaluated.subarray(0, 32), right.subarray(32)),
        concatBytes(right.subarray(32), right.subarray(0, 32)),
        honest[0]?.evaluated ?? expect.fail('an honest answer'),
        new Uint8Array(64),
        new Uint8Array(64).fill(0xff),
        right.subarray(1),
      ];
      for (const evaluated of lies) {
        const answers = [{ index: 4, evaluated }, ...honest, { index: 5, evaluated }];
        const opening = await openRegistration(fleet, registration, passcode, blind, answers, tools);
        expect(opening).toMatchObject({ sure: true, liars: [4, 5] });
        expect(opening.opened?.secret).toEqual(passcode === RIGHT ? secret : undefined);
        // With one honest node down it is not known, and never called wrong.
        const fewer = await openRegistration(fleet, registration, passcode, blind, answers.slice(0, 3), tools);
        expect(fewer).toEqual({ sure: false, liars: [4] });
      }
    }
  });

  it('opens no share once any byte of its core is another', async () => {
    const { fleet, open } = softwareFleet(3);
    const registration = await dealt(fleet, secret);
    const core = coreOf(registration).length;
    let refused = 0;
    for (let at = 2; at < 2 + core; at += 1) {
      const changed = registration.bytes.slice();
      changed[at] = (changed[at] as number) ^ 1;
      try {
        const other = parseRegistration(changed, fleet);
        for (const i of [0, 1, 2]) expect(open(other, i), `byte ${at}`).toBeUndefined();
      } catch (error) {
        if (!(error instanceof Error) || !('code' in error)) throw error;
        refused += 1;
      }
    }
    expect(refused).toBeLessThan(core);
  });

  it('knows an interrupted guess again by the same passcode only', () => {
    const { blind, element } = blindInput(RIGHT, systemRandom);
    expect(blindInput(RIGHT, systemRandom, blind).element).toEqual(element);
    expect(blindInput(WRONG, systemRandom, blind).element).not.toEqual(element);
  });
});
