/**
 * One call to the fleet through one of its nodes, over HTTPS. A node that cannot be reached, hangs or answers nonsense is
 * passed over: the next one is asked. What comes back is only parsed here; the machines verify it.
 */
import type { z } from 'zod';
import { z as zod } from 'zod';
import { type Envelope, envelope, errorBody, type PublicOperation, requests } from '../api/bodies.ts';
import { fromUtf8, type Id } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import { readAtMost } from '../base/read-at-most.ts';
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

/** How long one node may keep the others from being asked as well. Of a fleet that is well, a busy node answers in less. */
const HEDGE_MS = 3_000;

/** Twice what the longest envelope takes (api/bodies.ts): a bundle, and the feeds of seven nodes, as strings in JSON. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

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
   * every pass refused, and nobody comes to the rest of the fleet.) A node that is silent is not waited for alone: the same bytes go
   * through the next one too, and the first answer counts. That costs no guess, since members count the same bytes once.
   * @param limitMs at most so long in all
   * @throws what nodes refuse finally, when none takes the request; `no-quorum` when no node answers in time
   */
  async call(operation: PublicOperation, { pass, ...caller }: Credentials, own: object, limitMs: number): Promise<Envelope> {
    const schema: z.ZodType = requests[operation];
    const body = JSON.stringify(zod.encode(schema, { ...caller, ...own }));
    const { urls } = this.#reach;
    const ended = new AbortController();
    const late = setTimeout(() => ended.abort(new Error('it did not answer in time')), limitMs);
    const causes: string[] = [];
    let refused: HoldfastError | undefined;
    const through = async (turned: number) => {
      if (ended.signal.aborted) return undefined;
      const url = urls[turned % urls.length] ?? fail('configuration', 'the fleet entry names no node');
      try {
        const envelope = await this.#post(`${url}/v1/${operation}`, pass, body, ended.signal);
        return { turned, envelope };
      } catch (error) {
        if (error instanceof HoldfastError && FINAL.has(error.code)) refused ??= error;
        causes.push(`${url}: ${error instanceof Error ? error.message : 'unreachable'}`);
        return undefined;
      }
    };
    try {
      const first = await firstOf(urls.length, HEDGE_MS, (tried) => through(this.#turned + tried));
      if (first !== undefined) {
        this.#turned = first.turned;
        return first.envelope;
      }
    } finally {
      clearTimeout(late);
      ended.abort();
    }
    this.turn();
    if (refused !== undefined) throw refused;
    return fail('no-quorum', `no node answered (${causes.join('; ')})`, { nodes: urls.length });
  }

  async #post(url: string, pass: Secret<string>, body: string, signal: AbortSignal): Promise<Envelope> {
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
      signal,
    });
    const answer: unknown = JSON.parse(fromUtf8(await readAtMost(response, ANSWER_BYTES_MAX)));
    if (response.ok) {
      const read = envelope.parse(answer);
      if (read.bundle !== undefined) await bundle?.hear(read.bundle, url);
      return read;
    }
    const { code, message, evidence } = errorBody.parse(answer).error;
    return fail(code, message, evidence);
  }
}

/** Begins one after the other, the next when one fails or is silent for so long. @returns what the first yields; nothing when none does */
function firstOf<T>(count: number, hedgeMs: number, begin: (i: number) => Promise<T | undefined>): Promise<T | undefined> {
  return new Promise((resolve) => {
    let begun = 0;
    let open = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = (value: T | undefined) => {
      clearTimeout(timer);
      begun = count;
      resolve(value);
    };
    const next = (): void => {
      clearTimeout(timer);
      if (begun === count) {
        if (open === 0) end(undefined);
        return;
      }
      const i = begun;
      begun += 1;
      open += 1;
      timer = setTimeout(next, hedgeMs);
      void begin(i).then((value) => {
        open -= 1;
        if (value !== undefined) end(value);
        else next();
      });
    };
    next();
  });
}
