/**
 * Backups in an S3-compatible store (target.ts), over its HTTP interface with AWS Signature Version 4; aws4fetch signs. Buckets
 * stand in the path, which every compatible store understands. Each body is signed with its SHA-256, so that the store refuses
 * what was altered on the way even where the way is not encrypted.
 *
 * A stream's length is not known beforehand: up to one part it is one PUT, longer ones are a multipart upload, whose parts show
 * as an object only when it is completed. One that fails is aborted; one that is killed leaves its parts with the store, unseen
 * and charged, until the bucket's lifecycle rule "abort incomplete multipart uploads" clears them.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AwsV4Signer } from 'aws4fetch';
import { assert, fail } from '../base/errors.ts';
import { type Block, blocks } from './blocks.ts';
import type { S3Settings } from './s3-settings.ts';
import type { Target } from './target.ts';

/** At most 10,000 parts, of one size because some stores insist: 625 GiB in all. Two parts are in memory at a time. */
const PART_BYTES = 64 << 20;
const PARTS_MAX = 10_000;
const TRIES_MAX = 4;
const PAUSE_MS = 500;
const ERROR_BYTES_MAX = 4096;

export interface S3Place extends S3Settings {
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
  /** For tests; S3 allows no less than 5 MiB. */
  readonly partBytes?: number;
}

export function s3Target(place: S3Place): Target {
  return {
    async write(name, bytes) {
      const parts = blocks(bytes, place.partBytes ?? PART_BYTES);
      try {
        const first = await parts.next();
        assert(!first.done, 'blocks yields at least one');
        if (first.value.last) await send(place, 'PUT', name, {}, first.value.bytes);
        else await upload(place, name, first.value, parts);
      } finally {
        await parts.return(undefined);
      }
    },

    async *read(name) {
      const answer = await send(place, 'GET', name);
      if (answer.body !== null) yield* answer.body;
    },

    async exists(name) {
      const answer = await ask(place, 'HEAD', name);
      if (answer.status === 404) return false;
      if (!answer.ok) await refuse(place, name, answer);
      return true;
    },
  };
}

async function upload(place: S3Place, name: string, first: Block, rest: AsyncGenerator<Block>): Promise<void> {
  const uploadId = tag(await (await send(place, 'POST', name, { uploads: '' })).text(), 'UploadId');
  if (uploadId === undefined) return fail('untrusted-answer', `${place.endpoint.host} began an upload without a name`);
  try {
    const etags: string[] = [];
    let underWay: Promise<void> = Promise.resolve();
    for (let part: Block | undefined = first, number = 1; part !== undefined; number += 1) {
      if (number > PARTS_MAX) fail('too-large', `a backup in S3 has at most ${PARTS_MAX} parts of ${place.partBytes ?? PART_BYTES} bytes`);
      const sent = send(place, 'PUT', name, { partNumber: String(number), uploadId }, part.bytes).then((answer) => {
        etags.push(answer.headers.get('etag') ?? fail('untrusted-answer', `${place.endpoint.host} took a part without an ETag`));
      });
      underWay = sent;
      // The next part is made while this one is on its way; if both fail, the first failure is the one to tell.
      underWay.catch(() => undefined);
      const next: IteratorResult<Block> = part.last ? { done: true, value: undefined } : await rest.next();
      await underWay;
      part = next.done ? undefined : next.value;
    }
    const list = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`).join('');
    const body = Buffer.from(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list}</CompleteMultipartUpload>`);
    const answer = await (await send(place, 'POST', name, { uploadId }, body)).text();
    // S3 may say 200 before it has finished, and then that it failed (CompleteMultipartUpload, "Processing of a request").
    if (tag(answer, 'ETag') === undefined) fail('untrusted-answer', `${place.endpoint.host} did not complete the upload: ${spell(answer)}`);
  } catch (error) {
    await send(place, 'DELETE', name, { uploadId }).catch(() => undefined);
    throw error;
  }
}

type Query = Readonly<Record<string, string>>;

async function send(place: S3Place, method: string, name: string, query: Query = {}, body?: Uint8Array): Promise<Response> {
  const answer = await ask(place, method, name, query, body);
  return answer.ok ? answer : refuse(place, name, answer);
}

/**
 * Any request may be made again. At worst the answer to the first was lost: a second upload is begun and left to the lifecycle
 * rule, or one that was completed is reported as failed, and then the backup is the new one.
 */
async function ask(place: S3Place, method: string, name: string, query: Query = {}, body?: Uint8Array): Promise<Response> {
  for (let tries = 1; ; tries += 1) {
    const { url, headers } = await signed(place, method, name, query, body);
    const init = body === undefined ? { method, headers } : { method, headers, body: body as Uint8Array<ArrayBuffer> };
    const answer = await fetch(url, init).catch((cause: unknown) => {
      if (tries < TRIES_MAX) return undefined;
      return fail('timeout', `${place.endpoint.host} cannot be reached`, {}, cause);
    });
    if (answer !== undefined && (tries >= TRIES_MAX || (answer.status < 500 && answer.status !== 429))) return answer;
    await answer?.body?.cancel();
    await delay(PAUSE_MS * 2 ** (tries - 1));
  }
}

async function signed(place: S3Place, method: string, name: string, query: Query, body: Uint8Array | undefined) {
  const url = new URL(place.endpoint);
  url.pathname = `/${place.bucket}/${`${place.prefix}${name}`.split('/').map(encodeURIComponent).join('/')}`;
  url.search = new URLSearchParams(query).toString();
  const { accessKeyId, region, secretAccessKey, sessionToken } = place;
  const signer = new AwsV4Signer({
    method,
    url: url.href,
    headers: {
      'x-amz-content-sha256': createHash('sha256')
        .update(body ?? '')
        .digest('hex'),
    },
    service: 's3',
    region,
    accessKeyId,
    secretAccessKey: secretAccessKey.reveal(),
    ...(sessionToken === undefined ? {} : { sessionToken: sessionToken.reveal() }),
  });
  return signer.sign();
}

async function refuse(place: S3Place, name: string, answer: Response): Promise<never> {
  const said = spell(await answer.text());
  const where = `s3://${place.bucket}/${place.prefix}${name}`;
  if (answer.status === 404) return fail('path', `${where} does not exist: ${said}`);
  const next = answer.status === 401 || answer.status === 403 ? 'configuration' : 'system';
  return fail(next, `${place.endpoint.host} refused ${where}: ${said}`, { status: answer.status });
}

/** What an error document says, short enough to print. */
function spell(document: string): string {
  return [tag(document, 'Code'), tag(document, 'Message')].filter((text) => text !== undefined).join(': ') || 'no reason given';
}

function tag(document: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]{1,2048})</${name}>`).exec(document.slice(0, ERROR_BYTES_MAX))?.[1];
}
