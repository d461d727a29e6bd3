/**
 * Fetches the fleet bundle from nodes: `GET /v1/bundle` of each, all at the same time, none believed. What comes back is text of
 * at most the documented size, or why there is none. Called by learn.ts, which verifies.
 */
import { fromUtf8 } from '../base/bytes.ts';
import { readAtMost } from '../base/read-at-most.ts';
import { BUNDLE_BYTES_MAX } from '../trust/bundle.ts';
import type { Fetch } from './fleet-http.ts';

export type Fetched = { readonly url: string; readonly text: string } | { readonly url: string; readonly why: string };

/** How long the others may take once most have answered: a node that hangs holds up nobody, and a split log shows among the rest. */
const OTHERS_ANSWER_MS = 2_000;

export async function fetchBundles(urls: readonly string[], fetch: Fetch, limitMs: number): Promise<readonly Fetched[]> {
  const ended = new AbortController();
  const end = () => ended.abort(new Error('it did not answer in time'));
  const timers = [setTimeout(end, limitMs)];
  let answered = 0;
  const one = async (base: string): Promise<Fetched> => {
    const url = `${base}/v1/bundle`;
    try {
      return { url, text: await fetchBundle(url, fetch, ended.signal) };
    } catch (error) {
      return { url, why: error instanceof Error ? error.message : 'unreachable' };
    } finally {
      answered += 1;
      if (answered === Math.floor(urls.length / 2) + 1) timers.push(setTimeout(end, OTHERS_ANSWER_MS));
    }
  };
  try {
    return await Promise.all(urls.map(one));
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

async function fetchBundle(url: string, fetch: Fetch, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { redirect: 'error', signal });
  if (!response.ok) throw new Error(`it answers with status ${response.status}`);
  return fromUtf8(await readAtMost(response, BUNDLE_BYTES_MAX + 1));
}
