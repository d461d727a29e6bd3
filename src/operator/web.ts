/**
 * The operator's calls over HTTPS, to the witness and to its own nodes. What a server refuses with a code is thrown as that;
 * what cannot be reached is `unreachable` and names the address. Nothing that an answer says is believed here.
 */
import { Agent, request } from 'undici';
import { errorBody } from '../api/bodies.ts';
import { fail } from '../base/errors.ts';

export interface WebOptions {
  /** PEM; without it the system's authorities. */
  readonly authority?: string | undefined;
  /** This side's TLS certificate and key, for a server that wants one. */
  readonly credentials?: {
    readonly cert: string;
    readonly key?: string;
    readonly privateKeyEngine?: string;
    readonly privateKeyIdentifier?: string;
  };
  readonly limitMs?: number;
}

const LIMIT_MS = 30_000;
/** Beyond a bundle, a tile, or any answer that is asked for. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

export class Web {
  readonly #agent: Agent;
  readonly #limitMs: number;

  constructor({ authority, credentials, limitMs = LIMIT_MS }: WebOptions) {
    this.#limitMs = limitMs;
    this.#agent = new Agent({
      connect: { ...(authority !== undefined && { ca: authority }), ...credentials },
      maxResponseSize: ANSWER_BYTES_MAX,
      headersTimeout: limitMs,
      bodyTimeout: limitMs,
    });
  }

  /** Nothing for what is not there (404). @throws `unreachable`, and what the server refuses with */
  async get(url: string): Promise<Uint8Array | undefined> {
    const { status, bytes } = await this.#ask('GET', url);
    if (status === 404) return undefined;
    return status === 200 ? bytes : refused(url, status, bytes);
  }

  /** @throws `unreachable`, and what the server refuses with */
  async post(url: string, type: string, body: string): Promise<Uint8Array> {
    const { status, bytes } = await this.#ask('POST', url, { type, body });
    return status === 200 ? bytes : refused(url, status, bytes);
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #ask(method: 'GET' | 'POST', url: string, sent?: { readonly type: string; readonly body: string }) {
    try {
      const { statusCode, body } = await request(url, {
        method,
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(this.#limitMs),
        ...(sent && { body: sent.body, headers: { 'content-type': sent.type } }),
      });
      return { status: statusCode, bytes: new Uint8Array(await body.arrayBuffer()) };
    } catch (error) {
      const { name, code = name, message } = error as { name: string; code?: string; message: string };
      return fail('unreachable', `${url} cannot be reached: ${message || code}`, { cause: code }, error);
    }
  }
}

function refused(url: string, status: number, bytes: Uint8Array): never {
  const text = new TextDecoder().decode(bytes.subarray(0, 4096));
  const read = errorBody.safeParse(parseJson(text));
  if (!read.success) return fail('unreachable', `${url} answers with status ${status}: ${text.slice(0, 200)}`, { status });
  const { code, message, evidence } = read.data.error;
  return fail(code, `${url}: ${message}`, evidence);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
