/** Where `holdfast verify` finds bundles: a file, an evidence folder, the address of a node or of an evidence page. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Files } from '../../audit/evidence/derived.ts';
import { type Place, readPublication } from '../../audit/evidence/read.ts';
import { type Finding, finding } from '../../audit/report.ts';
import { isUrl, logSource, type Web } from './sources.ts';

export interface FoundBundle {
  readonly from: string;
  readonly text: string;
  /** Of an evidence folder: all of its files. */
  readonly files?: Files;
  /** About what stands beside it. */
  readonly findings?: readonly Finding[];
}

/** @returns a finding where there is nothing to look at: that is never good news */
export async function findBundle(place: string, web: Web): Promise<FoundBundle | Finding> {
  try {
    return isUrl(place) ? await bundleAt(place, web) : await bundleIn(place, web);
  } catch (error) {
    return finding(`bundle ${place}`, 'unknown', 'There is no bundle to be had here.', {
      why: error instanceof Error ? error.message : 'unknown',
    });
  }
}

/** As the address says; of a node, which serves it under its interface; or of an evidence page. */
async function bundleAt(url: string, web: Web): Promise<FoundBundle> {
  if (/\/bundle\.json$|\/v1\/bundle$/.test(new URL(url).pathname)) return { from: url, text: await web.text(url) };
  const base = url.replace(/\/(index\.html)?$/, '');
  const served = await web.get(`${base}/v1/bundle`);
  if (served !== undefined) return { from: url, text: Buffer.from(served).toString('utf8') };
  return published(url, logSource(base, web));
}

async function bundleIn(path: string, web: Web): Promise<FoundBundle> {
  if (!(await stat(path)).isDirectory()) return { from: path, text: await readFile(path, 'utf8') };
  return published(path, { ...logSource(path, web), list: () => filesUnder(path) });
}

async function published(from: string, place: Place): Promise<FoundBundle> {
  const read = await readPublication(place);
  if (read === undefined) throw new Error(`neither a bundle nor published evidence is at ${from}`);
  return { from, text: read.bundle, files: read.files, findings: read.findings };
}

async function filesUnder(folder: string): Promise<readonly string[]> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  return all.filter((one) => !one.isDirectory()).map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
}
