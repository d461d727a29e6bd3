/** A client of our own at the level of HTTP, so that any part of a request can be spoiled; and what it heard, in one line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Id, NO_ID, toBase64url } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { type ClientKey, type ClientOptions, PASSCODE, type Secret, type VaultClient } from '../../src/client/index.ts';
import { activeFleet } from '../../src/fleet/entry.ts';
import { clientKeyId } from '../../src/vault/client-key.ts';
import { accountId, type Place, slotId } from '../../src/vault/slot.ts';
import { encodeMessage, type Message } from '../../src/wire/message.ts';
import type { Signed } from '../../src/wire/signed.ts';
import type { TestFleet } from './fleet.ts';

export type Json = Readonly<Record<string, unknown>>;

/** A statement as JSON carries it. */
export interface Spelled {
  readonly signed: string;
  readonly signature: string;
}
export const spell = ({ bytes, signature }: Signed): Spelled => ({ signed: toBase64url(bytes), signature: toBase64url(signature) });

export interface Heard {
  readonly http: number;
  readonly text: string;
  readonly json: Json;
}

/**
 * `401 pass-refused` for an error, `not-signed by 3` when that is every node's refusal, `said by 3` for what nodes said,
 * and the bare status when there is no JSON.
 */
export function verdict({ http, json }: Heard): string {
  const {
    error,
    said = [],
    refused = [],
    stands = [],
  } = json as {
    error?: { code: string };
    said?: unknown[];
    refused?: { refused: string }[];
    stands?: unknown[];
  };
  if (error !== undefined) return `${http} ${error.code}`;
  if (http !== 200) return `${http}`;
  const codes = [...new Set(refused.map((one) => one.refused))].sort().map((code) => {
    return `${code} by ${refused.filter((one) => one.refused === code).length}`;
  });
  return [
    ...(said.length > 0 ? [`said by ${said.length}`] : []),
    ...(stands.length > 0 ? [`stands at ${stands.length}`] : []),
    ...codes,
  ].join(', ');
}

export const accountsFile = (fleet: TestFleet, ...path: string[]): Json =>
  JSON.parse(readFileSync(join(fleet.folder, 'accounts', ...path), 'utf8')) as Json;

/** A person's login with which requests are made by hand. */
export class Raw {
  readonly pass: string;
  readonly clientKey: ClientKey;
  readonly place: Place;
  readonly slot: Id;
  /** All bodies of errors and refusals that this client ever heard. */
  static readonly heard: string[] = [];
  readonly #fleet: TestFleet;

  private constructor(fleet: TestFleet, user: string, login: { pass: Secret<string>; clientKey: ClientKey; tenant: string }) {
    this.#fleet = fleet;
    this.pass = login.pass.reveal();
    this.clientKey = login.clientKey;
    const account = accountId(fleet.entry.namespace, fleet.profile.accounts, user);
    this.place = { tenant: login.tenant, account, way: PASSCODE };
    this.slot = slotId(this.place);
  }

  static async of(fleet: TestFleet, user: string): Promise<Raw> {
    return new Raw(fleet, user, await fleet.login(user));
  }

  get fleetId(): Id {
    return activeFleet(this.#fleet.entry, { allowSimulated: true }).fleet.id;
  }

  /** A good request for the status of this slot, but for what is changed. */
  async request(changed: Partial<Message<'client/request'>> = {}, by: Pick<ClientKey, 'sign'> = this.clientKey): Promise<Spelled> {
    const bytes = encodeMessage('client/request', {
      operation: 'status',
      fleet: this.fleetId,
      signer: clientKeyId(this.clientKey.publicKey),
      slot: this.slot,
      generation: 0,
      digest: NO_ID,
      attempt: 0,
      body: NO_ID,
      nonce: systemRandom(32),
      expiry: BigInt(Math.floor(Date.now() / 1000) + 120),
      ...changed,
    });
    return spell({ bytes, signature: await by.sign(bytes) });
  }

  /** Way in and client key, as every body carries them. */
  get caller(): Json {
    return { way: { kind: 'passcode', name: '' }, clientKey: toBase64url(this.clientKey.publicKey) };
  }

  /** To node 1. @param body text goes as it is */
  async post(path: string, body: Json | string | Uint8Array, headers: Record<string, string> = {}): Promise<Heard> {
    const response = await this.#fleet.fetch(`${urlOf(this.#fleet)}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.pass}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body),
    });
    return heardFrom(response);
  }

  /** This caller's operation with whatever it carries. */
  ask(operation: string, own: Json, headers?: Record<string, string>): Promise<Heard> {
    return this.post(`/v1/${operation}`, { ...this.caller, ...own }, headers);
  }
}

export async function heardFrom(response: Response): Promise<Heard> {
  const text = await response.text();
  Raw.heard.push(text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = {};
  }
  return { http: response.status, text, json: json as Json };
}

export const urlOf = (fleet: TestFleet, node = 0): string => fleet.entry.fleets[0]?.nodes[node]?.url.replace(/\/$/, '') ?? '';

export interface Exchange {
  readonly operation: string;
  readonly asked: Json;
  readonly answered: Json;
  /** The header. */
  readonly authorization: string;
}

/** A device whose exchanges with the fleet are kept: what whoever carries the messages sees. */
export async function overheard(
  fleet: TestFleet,
  user: string,
  changed: Partial<ClientOptions> = {},
): Promise<{ device: VaultClient; exchanges: Exchange[] }> {
  const exchanges: Exchange[] = [];
  const device = await fleet.device(user, 0, {
    fetch: async (url, init) => {
      const response = await fleet.fetch(url, init);
      const answered = (await response.clone().json()) as Json;
      const authorization = new Headers(init.headers).get('authorization') ?? '';
      exchanges.push({ operation: url.split('/').at(-1) ?? '', asked: JSON.parse(String(init.body)) as Json, answered, authorization });
      return response;
    },
    ...changed,
  });
  return { device, exchanges };
}
