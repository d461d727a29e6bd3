/**
 * Signed requests to an S3-compatible store, for s3.ts: made again where that is safe, and given up when nothing moves any more.
 * (Attack, or only a broken cable: a store that takes a connection and never answers would hold a backup for ever.) How long a
 * request takes in all is not bounded: a part may be large and a line slow.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { AwsV4Signer } from 'aws4fetch';
import { Agent, type Dispatcher, request } from 'undici';
import { fail } from '../base/errors.ts';
import type { S3Settings } from './s3-settings.ts';

const TRIES_MAX = 4;
const PAUSE_MS = 500;
/** Without one byte sent or received. What a slow line still has in its buffers goes out within it. */
const STALL_MS = 120_000;
/** A line is seen to move this often. */
const SLICE_BYTES = 16_384;
/** No document that is read whole is longer. */
const DOCUMENT_BYTES_MAX = 65_536;

export interface S3Place extends S3Settings {
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
  /** For tests; S3 allows no less than 5 MiB. */
  readonly partBytes?: number;
  /** For tests. */
  readonly stallMs?: number;
}

type Query = Readonly<Record<string, string>>;
export type Answer = Dispatcher.ResponseData;

export const isGood = ({ statusCode }: Answer): boolean => statusCode >= 200 && statusCode < 300;

/** Of an answer whose headers said it all: so that its connection serves the next request. */
export const drain = ({ body }: Answer): Promise<void> => body.dump();

const agents = new Map<number, Agent>();

/** Idle connections of it hold up no process. */
function agentOf(stallMs: number): Agent {
  const known = agents.get(stallMs);
  // Headers are waited for below: undici's own limit would count from the start of a long upload.
  const agent = known ?? new Agent({ connect: { timeout: stallMs }, headersTimeout: 0, bodyTimeout: stallMs });
  agents.set(stallMs, agent);
  return agent;
}

export interface Body {
  readonly bytes: Uint8Array;
  /** Told how many of them the line has taken; what it throws ends the request, and it is not made again. */
  readonly sent?: (bytes: number) => void;
}

/**
 * Any request may be made again. At worst the answer to the first was lost: a second upload is begun and left to the lifecycle
 * rule, or one that was completed is reported as failed, and then the backup is the new one.
 * @param name none for what concerns the bucket
 * @throws `unreachable`
 */
export async function ask(
  place: S3Place,
  method: Dispatcher.HttpMethod,
  name: string | undefined,
  query: Query = {},
  body?: Body,
): Promise<Answer> {
  const ended: unknown[] = [];
  const sent = (bytes: number): void => {
    try {
      body?.sent?.(bytes);
    } catch (error) {
      ended.push(error);
      throw error;
    }
  };
  for (let tries = 1; ; tries += 1) {
    const answer = await once(place, method, name, query, body && { ...body, sent }).catch((cause: unknown) => {
      if (ended.length > 0) throw ended[0];
      if (tries < TRIES_MAX) return undefined;
      return fail('unreachable', `${place.endpoint.host} cannot be reached, or does not answer`, {}, cause);
    });
    if (answer !== undefined && (tries >= TRIES_MAX || (answer.statusCode < 500 && answer.statusCode !== 429))) return answer;
    if (answer !== undefined) await drain(answer).catch(() => undefined);
    await delay(PAUSE_MS * 2 ** (tries - 1));
  }
}

async function once(place: S3Place, method: Dispatcher.HttpMethod, name: string | undefined, query: Query, body?: Body): Promise<Answer> {
  const { url, headers } = await signed(place, method, name, query, body?.bytes);
  const stallMs = place.stallMs ?? STALL_MS;
  const stalled = new AbortController();
  const watch = setTimeout(() => stalled.abort(new Error('nothing moved any more')), stallMs);
  try {
    return await request(url, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-length': String(body.bytes.length) }) },
      body: body === undefined ? null : Readable.from(slices(body, () => watch.refresh())),
      dispatcher: agentOf(stallMs),
      signal: stalled.signal,
    });
  } finally {
    clearTimeout(watch);
  }
}

/** @param moved told when the line has taken what was before */
async function* slices({ bytes, sent }: Body, moved: () => void): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    yield bytes.subarray(at, at + SLICE_BYTES);
    moved();
    sent?.(Math.min(at + SLICE_BYTES, bytes.length));
  }
}

/** The body of an answer, as it comes. @throws `unreachable` when it breaks off */
export async function* bytesOf(place: S3Place, { body }: Answer): AsyncGenerator<Uint8Array> {
  try {
    yield* body as AsyncIterable<Uint8Array>;
  } catch (cause) {
    fail('unreachable', `${place.endpoint.host} stopped in the middle of an answer`, {}, cause);
  }
}

/** A document that is read whole; what is longer than any of S3's is cut. */
export async function textOf(place: S3Place, answer: Answer): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of bytesOf(place, answer)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > DOCUMENT_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, DOCUMENT_BYTES_MAX);
}

async function signed(place: S3Place, method: string, name: string | undefined, query: Query, body: Uint8Array | undefined) {
  const url = new URL(place.endpoint);
  const object = name === undefined ? '' : `/${place.prefix}${name}`;
  url.pathname = `/${place.bucket}${object.split('/').map(encodeURIComponent).join('/')}`;
  url.search = new URLSearchParams(query).toString();
  const { accessKeyId, region, secretAccessKey, sessionToken } = place;
  const digest = createHash('sha256')
    .update(body ?? '')
    .digest('hex');
  const signer = new AwsV4Signer({
    method,
    url: url.href,
    headers: { 'x-amz-content-sha256': digest },
    service: 's3',
    region,
    accessKeyId,
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
  });
  const { url: signedUrl, headers } = await signer.sign();
  return { url: signedUrl, headers: Object.fromEntries(headers) };
}
