import { createCipheriv, createDecipheriv, createECDH } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { nativeArgon2id } from '../../src/client/node/index.ts';
import { blindInput, dealRegistration, openRegistration } from '../../src/client/open.ts';
import { type Fleet, makeFleet } from '../../src/fleet/fleet.ts';
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

/** Of P-256's group. */
const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

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

async function dealt(fleet: Fleet, secret: Uint8Array): Promise<Registration> {
  const place = { tenant: 'test', account: hash(new Uint8Array()), way: PASSCODE };
  const deposit = { secret: new Secret(secret), input: RIGHT, policy: POLICY, kdf: KDF_MIN };
  return parseRegistration((await dealRegistration(fleet, place, 1, deposit, tools)).registration, fleet);
}

describe('a registration', () => {
  const secret = systemRandom(32);

  it('opens with the answers of any threshold of nodes, for the right passcode only', async () => {
    const { fleet, open } = softwareFleet(5);
    const registration = await dealt(fleet, secret);
    for (const passcode of [RIGHT, WRONG]) {
      const { blind, element } = blindInput(passcode, systemRandom);
      const answer = (i: number) => ({ index: i + 1, element: evaluate(open(registration, i) as Secret<Uint8Array>, element) });
      const opening = await openRegistration(fleet, registration, passcode, blind, [4, 0, 2].map(answer), tools);
      expect(opening.opened?.secret).toEqual(passcode === RIGHT ? secret : undefined);
      expect(opening.sure).toBe(false);
    }
  });

  it.each([
    [3, 1],
    [5, 1],
  ] as const)('of %i nodes opens in spite of %i that answers falsely, and names it', async (n, liars) => {
    const { fleet, open } = softwareFleet(n);
    const registration = await dealt(fleet, secret);
    const { blind, element } = blindInput(RIGHT, systemRandom);
    const answers = fleet.nodes.map((_, i) => ({
      index: i + 1,
      element: evaluate(i < liars ? new Secret(systemRandom(32).fill(1, 0, 1)) : (open(registration, i) as Secret<Uint8Array>), element),
    }));
    const opening = await openRegistration(fleet, registration, RIGHT, blind, answers, tools);
    expect(opening).toMatchObject({ opened: { secret }, sure: true, liars: [1] });
  });

  it('of 5 nodes opens in spite of two that agree on a false polynomial through the answers of two others', async () => {
    const { fleet, open } = softwareFleet(5);
    const registration = await dealt(fleet, secret);
    const { blind, element } = blindInput(RIGHT, systemRandom);
    const scalars = [0, 1, 2, 3].map((i) => BigInt(`0x${toHex((open(registration, i) as Secret<Uint8Array>).reveal())}`));
    const [one = 0n, two = 0n] = scalars;
    scalars[3] = 7n;
    // Lagrange at 5 from 1, 2 and 4: what the two liars do with the points that they are shown.
    scalars[4] = one - 2n * two + 2n * 7n;
    const answers = scalars.map((scalar, i) => {
      const bytes = Buffer.from((((scalar % ORDER) + ORDER) % ORDER).toString(16).padStart(64, '0'), 'hex');
      return { index: i + 1, element: evaluate(new Secret(new Uint8Array(bytes)), element) };
    });
    const opening = await openRegistration(fleet, registration, RIGHT, blind, answers, tools);
    expect(opening).toMatchObject({ opened: { secret }, sure: true, liars: [4, 5] });
  });

  it('drops an answer that is not a point, and names its node', async () => {
    const { fleet, open } = softwareFleet(3);
    const registration = await dealt(fleet, secret);
    const { blind, element } = blindInput(RIGHT, systemRandom);
    const answers = fleet.nodes.map((_, i) => ({
      index: i + 1,
      element: i === 0 ? new Uint8Array(33) : evaluate(open(registration, i) as Secret<Uint8Array>, element),
    }));
    expect(await openRegistration(fleet, registration, RIGHT, blind, answers, tools)).toMatchObject({ opened: { secret }, liars: [1] });
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
