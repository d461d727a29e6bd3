/**
 * One call to the fleet through one of its nodes, over HTTPS. A node that cannot be reached, hangs or answers nonsense is
 * passed over: the next one is asked. What comes back is only parsed here; the machines verify it.
 */
import type { z } from 'zod';
import { z as zod } from 'zod';
import { type Envelope, envelope, errorBody, type PublicOperation, requests } from '../api/bodies.ts';
import type { Id } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { WayIn } from '../vault/slot.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The fleet bundle that the client has; a node that has another one sends it along. */
export interface BundleExchange {
  /** Zeros for none. */
  readonly digest: Id;
  /** Hears what is not verified yet. */
  hear(text: string, from: string): Promise<void>;
}

export interface Reach {
  /** Base URLs of the nodes, in the order in which they are tried. */
  readonly urls: readonly string[];
  readonly fetch: Fetch;
  readonly callLimitMs: number;
  readonly bundle?: BundleExchange;
}

export interface Credentials {
  readonly pass: Secret<string>;
  /** 33 bytes. */
  readonly clientKey: Uint8Array;
  readonly way: WayIn;
}

/** Refusals that concern the request itself, if they are true: then every node says so. */
const FINAL: ReadonlySet<string> = new Set(['pass-refused', 'malformed', 'too-large', 'not-signed', 'request-expired', 'wrong-fleet']);

export class FleetHttp {
  readonly #reach: Reach;
  #turned = 0;

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  /** From now on through another node. */
  turn(): void {
    this.#turned += 1;
  }

  /**
   * Nobody signs a refusal, so that of one node ends nothing: the others are asked. (Attack: the node that is asked first calls
   * every pass refused, and nobody comes to the rest of the fleet.)
   * @throws what nodes refuse finally, when none takes the request; `no-quorum` when no node can be reached at all
   */
  async call(operation: PublicOperation, { pass, ...caller }: Credentials, own: object): Promise<Envelope> {
    const schema: z.ZodType = requests[operation];
    const body = JSON.stringify(zod.encode(schema, { ...caller, ...own }));
    const { urls } = this.#reach;
    const causes: string[] = [];
    let refused: HoldfastError | undefined;
    for (let tried = 0; tried < urls.length; tried += 1) {
      const url = urls[this.#turned % urls.length] ?? fail('configuration', 'the fleet entry names no node');
      try {
        return await this.#post(`${url}/v1/${operation}`, pass, body);
      } catch (error) {
        if (error instanceof HoldfastError && FINAL.has(error.code)) refused ??= error;
        causes.push(`${url}: ${error instanceof Error ? error.message : 'unreachable'}`);
        this.turn();
      }
    }
    if (refused !== undefined) throw refused;
    return fail('no-quorum', `no node could be reached (${causes.join('; ')})`, { nodes: urls.length });
  }

  async #post(url: string, pass: Secret<string>, body: string): Promise<Envelope> {
    const { bundle } = this.#reach;
    const response = await this.#reach.fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${pass.reveal()}`,
        'content-type': 'application/json',
        ...(bundle && { 'holdfast-bundle': bundle.digest }),
      },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(this.#reach.callLimitMs),
    });
    const answer: unknown = await response.json();
    if (response.ok) {
      const read = envelope.parse(answer);
      if (read.bundle !== undefined) await bundle?.hear(read.bundle, url);
      return read;
    }
    const { code, message, evidence } = errorBody.parse(answer).error;
    return fail(code, message, evidence);
  }
}
