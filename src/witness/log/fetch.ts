/**
 * Fetches the files of evidence that an entry names, bounded in size, time and number. Only their digests (and the bytes of
 * attestations) come back: whoever submits an entry that passes all other checks learns of an address inside the witness's network
 * whether a web server answers there, with which status, and a file's digest. So a witness runs where there is nothing to reach.
 * A redirect is followed on the same host only.
 */
import { createHash } from 'node:crypto';
import { Agent, type Dispatcher, request } from 'undici';
import { idFromBytes } from '../../base/bytes.ts';
import { isSafeUrl } from '../safe-url.ts';
import type { EvidenceFile, Fetched } from './evidence.ts';

export interface FetchLimits {
  /** Of all files together, and the time for them. */
  readonly bytesMax: number;
  readonly limitMs: number;
  /** TLS authority, where the system's do not do. */
  readonly authority?: string | undefined;
}

const AT_A_TIME = 4;
const REDIRECTS_MAX = 3;
/** These are kept, and looked into. */
const ATTESTATION_BYTES_MAX = 1_000_000;

/** By URL. Never throws for what a host does. */
export async function fetchEvidence(files: readonly EvidenceFile[], limits: FetchLimits): Promise<ReadonlyMap<string, Fetched>> {
  const { authority, limitMs, bytesMax } = limits;
  const agent = new Agent({ connect: { timeout: limitMs, ...(authority !== undefined && { ca: authority }) } });
  const budget: Budget = { signal: AbortSignal.timeout(limitMs), left: bytesMax, limits };
  const fetched = new Map<string, Fetched>();
  // Of two with one address the attestation is what must be kept: it comes last, and so stays.
  const ordered = files.toSorted((a, b) => Number(a.attests) - Number(b.attests));
  const waiting = [...new Map(ordered.map((file) => [file.url, file])).values()];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) fetched.set(file.url, await fetchOne(file, budget, agent));
  };
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  } finally {
    await agent.destroy();
  }
  return fetched;
}

interface Budget {
  readonly signal: AbortSignal;
  readonly limits: FetchLimits;
  left: number;
}

async function fetchOne({ url, attests }: EvidenceFile, budget: Budget, agent: Agent): Promise<Fetched> {
  try {
    return await take(await open(url, budget.signal, agent), attests, budget);
  } catch (error) {
    if (error instanceof Unfetched) return { problem: error.message };
    const { name, code = name } = error as { name: string; code?: string };
    return {
      problem: name === 'TimeoutError' ? `the time was up: ${budget.limits.limitMs} ms for all files` : `the connection failed (${code})`,
    };
  }
}

class Unfetched extends Error {}

async function open(url: string, signal: AbortSignal, dispatcher: Agent): Promise<Dispatcher.ResponseData['body']> {
  let at = url;
  for (let left = REDIRECTS_MAX; ; left -= 1) {
    if (!isSafeUrl(at)) throw new Unfetched('expected an https URL, or http to this machine');
    const { statusCode, headers, body } = await request(at, { dispatcher, signal, headers: { 'accept-encoding': 'identity' } });
    if (statusCode === 200) return body;
    body.on('error', () => undefined).destroy();
    const location = statusCode >= 300 && statusCode < 400 ? headers['location'] : undefined;
    if (typeof location !== 'string' || !URL.canParse(location, at)) throw new Unfetched(`the host answered ${statusCode}`);
    const next = new URL(location, at);
    if (next.host !== new URL(at).host || left === 0) throw new Unfetched('the host sends on to another, or too often');
    at = next.href;
  }
}

async function take(body: AsyncIterable<Buffer>, keep: boolean, budget: Budget): Promise<Fetched> {
  const digest = createHash('sha256');
  const kept: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    budget.left -= chunk.length;
    if (budget.left < 0) throw new Unfetched(`the evidence has more than ${budget.limits.bytesMax} bytes`);
    if (keep && bytes > ATTESTATION_BYTES_MAX) throw new Unfetched(`an attestation has more than ${ATTESTATION_BYTES_MAX} bytes`);
    digest.update(chunk);
    if (keep) kept.push(chunk);
  }
  return { digest: idFromBytes(digest.digest()), ...(keep && { bytes: Buffer.concat(kept) }) };
}
