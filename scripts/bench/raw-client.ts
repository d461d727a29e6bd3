/**
 * A client that costs next to nothing, so that what is measured is the fleet: the registration is dealt and the passcode
 * blinded beforehand, answers are taken as JSON and not verified, combined or opened. The messages are those of the real client,
 * each with its own signature: status, register, activate; status, attempt, confirm. What is left of its own work is two
 * signatures of the client key and one of the unlock key per recovery.
 */
import { Pool } from 'undici';
import { type Id, NO_ID, toBase64url } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { KDF_MIN, PASSCODE, parseEntry, Secret } from '../../src/client/index.ts';
import { nativeArgon2id } from '../../src/client/node/index.ts';
import { blindInput, dealRegistration } from '../../src/client/open.ts';
import { activeFleet } from '../../src/fleet/entry.ts';
import { clientKeyId } from '../../src/vault/client-key.ts';
import { parseRegistration, type Registration } from '../../src/vault/registration.ts';
import { accountId } from '../../src/vault/slot.ts';
import { encodeMessage, type Operation } from '../../src/wire/message.ts';
import { hash, keyId, type Signed, signMessage } from '../../src/wire/signed.ts';
import { type Account, BENCH_POLICY, type BenchClient, INPUT } from './accounts.ts';
import type { Reach } from './full-client.ts';

interface Spelled {
  readonly signed: string;
  readonly signature: string;
}

interface Envelope {
  readonly said: readonly (Spelled & { readonly node: Id })[];
  readonly refused: readonly { readonly refused: string }[];
  readonly votes?: readonly Spelled[];
}

const spell = ({ bytes, signature }: Signed): Spelled => ({ signed: toBase64url(bytes), signature: toBase64url(signature) });
/** Fewer guesses than there are. */
const REFILLED_EVERY = 8;
const LIFETIME_SECONDS = 120;

/** @param issuer whose passes these are: the account service's URL */
export function rawClients(reach: Reach, issuer: string): (account: Account, via: number) => Promise<BenchClient> {
  const entry = parseEntry(reach.entryLine);
  const { fleet, nodes } = activeFleet(entry, { allowSimulated: true });
  const pools = nodes.map(({ url }) => new Pool(new URL(url).origin, { connect: { ca: reach.authority }, connections: reach.connections }));
  return async ({ user, clientKey, pass }, via) => {
    const place = { tenant: reach.tenant, account: accountId(entry.namespace, issuer, user), way: PASSCODE };
    const deposit = { secret: new Secret(systemRandom(32)), input: INPUT, policy: BENCH_POLICY, kdf: KDF_MIN };
    const dealt = await dealRegistration(fleet, place, 1, deposit, { random: systemRandom, argon2id: nativeArgon2id });
    const registration = parseRegistration(dealt.registration, fleet);
    const { slot, digest, generation } = registration;
    const unlock = keyId(registration.core.unlockKey);
    const head = { fleet: fleet.id, signer: unlock, slot, generation, digest };
    const activation = spell(signMessage('unlock/activate', head, dealt.sign));
    const { element } = blindInput(INPUT, systemRandom);
    const elementHash = hash(element);
    const caller = { way: { kind: 'passcode', name: '' }, clientKey: toBase64url(clientKey.publicKey) };
    const signer = clientKeyId(clientKey.publicKey);
    const authorization = `Bearer ${pass.reveal()}`;
    let tried = 0;

    const post = async (operation: Operation, own: object): Promise<Envelope> => {
      const { statusCode, body } = await (pools[via % pools.length] as Pool).request({
        method: 'POST',
        path: `/v1/${operation}`,
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ ...caller, ...own }),
      });
      const answer: unknown = await body.json();
      if (statusCode !== 200) throw new Error(`${operation}: ${statusCode} ${(answer as { error: { code: string } }).error.code}`);
      return answer as Envelope;
    };
    const request = async (
      operation: Operation,
      about: Partial<Pick<Registration, 'generation' | 'digest'>>,
      attempt: number,
      body: Id,
    ) => {
      const expiry = BigInt(Math.floor(Date.now() / 1000) + LIFETIME_SECONDS);
      const what = { operation, slot, generation: 0, digest: NO_ID, ...about, attempt, body };
      const bytes = encodeMessage('client/request', { ...what, fleet: fleet.id, signer, nonce: systemRandom(32), expiry });
      return spell({ bytes, signature: await clientKey.sign(bytes) });
    };
    const enough = (operation: string, { said, refused }: Envelope): Envelope['said'] => {
      if (said.length >= fleet.quorum) return said;
      throw new Error(`${operation}: ${said.length} said, ${refused[0]?.refused ?? 'none refused'}`);
    };
    const status = async () => enough('status', await post('status', { request: await request('status', {}, 0, NO_ID) }));
    const attempt = async () => {
      tried += 1;
      const asked = await request('attempt', { generation, digest }, tried, elementHash);
      const attempted = await post('attempt', { request: asked, element: toBase64url(element) });
      enough('attempt', attempted);
      return attempted;
    };
    const confirm = async ({ votes }: Envelope) => {
      const signed = spell(signMessage('unlock/confirm', { ...head, attempt: tried }, dealt.sign));
      enough('confirm', await post('confirm', { confirmed: { confirm: signed, votes } }));
    };
    return {
      register: async () => {
        await status();
        const encoded = toBase64url(dealt.registration);
        const asked = await request('register', { generation, digest }, 0, digest);
        const votes = enough('register', await post('register', { request: asked, registration: encoded }));
        const standing = { registration: encoded, votes: votes.map(({ signed, signature }) => ({ signed, signature })), activation };
        enough('activate', await post('activate', { standing }));
      },
      recover: async () => {
        await status();
        await confirm(await attempt());
      },
      attempt: async () => {
        const attempted = await attempt();
        if (tried % REFILLED_EVERY === 0) await confirm(attempted);
      },
    };
  };
}
