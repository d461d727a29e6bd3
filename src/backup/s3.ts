/**
 * Backups in an S3-compatible store (target.ts) over its HTTP interface with AWS Signature Version 4 (s3-request.ts). Buckets
 * stand in the path, which every compatible store understands. Each body is signed with its SHA-256, so that the store refuses
 * what was altered on the way even where the way is not encrypted.
 *
 * A stream's length is not known beforehand: up to one part it is one PUT, longer ones are a multipart upload, whose parts show
 * as an object only when it is completed. One that fails is aborted; one that is killed leaves its parts with the store, unseen
 * and charged, until the next long backup there finds them a week old, or the bucket's lifecycle rule "abort incomplete multipart
 * uploads" clears them.
 */
import { assert, fail } from '../base/errors.ts';
import { type Clock, systemClock } from '../base/ports.ts';
import { type Block, blocks } from './blocks.ts';
import { type Answer, ask, type Body, bytesOf, drain, isGood, type S3Place, textOf } from './s3-request.ts';
import type { Target } from './target.ts';

/** At most 10,000 parts, of one size because some stores insist: 625 GiB in all. Two parts are in memory at a time. */
const PART_BYTES = 64 << 20;
const PARTS_MAX = 10_000;
/** Nobody can say whether an upload still goes on. A slow line may take days for a large backup while another one is begun. */
const ABANDONED_MS = 7 * 24 * 3600_000;

export function s3Target(place: S3Place, clock: Clock = systemClock): Target {
  return {
    async write(name, bytes, stored = () => undefined) {
      const parts = blocks(bytes, place.partBytes ?? PART_BYTES);
      try {
        const first = await parts.next();
        assert(!first.done, 'blocks yields at least one');
        if (first.value.last) await drain(await send(place, 'PUT', name, {}, { bytes: first.value.bytes, sent: stored }));
        else {
          await abortAbandoned(place, name, clock());
          await upload(place, name, first.value, parts, stored);
        }
      } finally {
        await parts.return(undefined);
      }
    },

    async *read(name) {
      yield* bytesOf(place, await send(place, 'GET', name));
    },

    async exists(name) {
      const answer = await ask(place, 'HEAD', name);
      if (!isGood(answer) && answer.statusCode !== 404) await refuse(place, name, answer);
      await drain(answer);
      return isGood(answer);
    },
  };
}

async function upload(
  place: S3Place,
  name: string,
  first: Block,
  rest: AsyncGenerator<Block>,
  stored: (bytes: number) => void,
): Promise<void> {
  const uploadId = tag(await textOf(place, await send(place, 'POST', name, { uploads: '' })), 'UploadId');
  if (uploadId === undefined) return fail('untrusted-answer', `${place.endpoint.host} began an upload without a name`);
  try {
    const etags: string[] = [];
    let underWay: Promise<void> = Promise.resolve();
    for (let part: Block | undefined = first, number = 1; part !== undefined; number += 1) {
      if (number > PARTS_MAX) fail('too-large', `a backup in S3 has at most ${PARTS_MAX} parts of ${place.partBytes ?? PART_BYTES} bytes`);
      const before = (number - 1) * first.bytes.length;
      const body = { bytes: part.bytes, sent: (bytes: number) => stored(before + bytes) };
      underWay = sendPart(place, name, { partNumber: String(number), uploadId }, body).then((etag) => void etags.push(etag));
      // The next part is made while this one is on its way; if both fail, the first failure is the one to tell.
      underWay.catch(() => undefined);
      const next: IteratorResult<Block> = part.last ? { done: true, value: undefined } : await rest.next();
      await underWay;
      part = next.done ? undefined : next.value;
    }
    const list = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`).join('');
    const body = Buffer.from(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list}</CompleteMultipartUpload>`);
    const answer = await textOf(place, await send(place, 'POST', name, { uploadId }, { bytes: body }));
    // S3 may say 200 before it has finished, and then that it failed (CompleteMultipartUpload, "Processing of a request").
    if (tag(answer, 'ETag') === undefined) fail('untrusted-answer', `${place.endpoint.host} did not complete the upload: ${spell(answer)}`);
  } catch (error) {
    await send(place, 'DELETE', name, { uploadId })
      .then(drain)
      .catch(() => undefined);
    throw error;
  }
}

/** Only where these credentials may do so. */
async function abortAbandoned(place: S3Place, name: string, nowMs: number): Promise<void> {
  const key = `${place.prefix}${name}`;
  const answer = await ask(place, 'GET', undefined, { uploads: '', prefix: key });
  if (!isGood(answer)) return drain(answer);
  for (const [, upload = ''] of (await textOf(place, answer)).matchAll(/<Upload>(.*?)<\/Upload>/gs)) {
    const [uploadId, begun] = [tag(upload, 'UploadId'), Date.parse(tag(upload, 'Initiated') ?? '')];
    if (tag(upload, 'Key') !== spellXml(key) || uploadId === undefined || !(nowMs - begun > ABANDONED_MS)) continue;
    await drain(await ask(place, 'DELETE', name, { uploadId }));
  }
}

const spellXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

async function sendPart(place: S3Place, name: string, query: Parameters<typeof ask>[3], body: Body): Promise<string> {
  const answer = await send(place, 'PUT', name, query, body);
  await drain(answer);
  const { etag } = answer.headers;
  return typeof etag === 'string' ? etag : fail('untrusted-answer', `${place.endpoint.host} took a part without an ETag`);
}

async function send(...request: Parameters<typeof ask>): Promise<Answer> {
  const [place, , name = ''] = request;
  const answer = await ask(...request);
  return isGood(answer) ? answer : refuse(place, name, answer);
}

async function refuse(place: S3Place, name: string, answer: Answer): Promise<never> {
  const said = spell(await textOf(place, answer));
  const where = `s3://${place.bucket}/${place.prefix}${name}`;
  if (answer.statusCode === 404) return fail('path', `${where} does not exist: ${said}`);
  const next = answer.statusCode === 401 || answer.statusCode === 403 ? 'configuration' : 'system';
  return fail(next, `${place.endpoint.host} refused ${where}: ${said}`, { status: answer.statusCode });
}

/** What an error document says, short enough to print. */
function spell(document: string): string {
  return [tag(document, 'Code'), tag(document, 'Message')].filter((text) => text !== undefined).join(': ') || 'no reason given';
}

function tag(document: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]{1,2048})</${name}>`).exec(document)?.[1];
}
