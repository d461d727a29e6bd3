/** Where `holdfast verify` finds bundles: a file, an evidence folder, the address of a node or of an evidence page. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Finding, finding } from '../../audit/report.ts';
import { type Id, toId } from '../../base/bytes.ts';
import { isUrl, type Web } from './sources.ts';

/** The bundle's name in an evidence folder and on an evidence page. */
const BUNDLE_FILE = 'bundle.json';

export interface FoundBundle {
  readonly from: string;
  readonly text: string;
  /** Of an evidence folder: SHA-256 of each of its files, by name. */
  readonly files?: ReadonlyMap<string, Id>;
}

/** @returns a finding where there is nothing to look at: that is never good news */
export async function findBundle(place: string, web: Web): Promise<FoundBundle | Finding> {
  try {
    return isUrl(place) ? await bundleAt(place, web) : await bundleIn(place);
  } catch (error) {
    return finding(`bundle ${place}`, 'unknown', 'There is no bundle to be had here.', {
      why: error instanceof Error ? error.message : 'unknown',
    });
  }
}

/** As the address says; of a node, which serves it under its interface; or of an evidence page. */
async function bundleAt(url: string, web: Web): Promise<FoundBundle> {
  if (/\.json$|\/v1\/bundle$/.test(new URL(url).pathname)) return { from: url, text: await web.text(url) };
  const base = url.replace(/\/$/, '');
  const served = (await web.get(`${base}/v1/bundle`)) ?? (await web.get(`${base}/${BUNDLE_FILE}`));
  if (served === undefined) throw new Error(`neither ${base}/v1/bundle nor ${base}/${BUNDLE_FILE} is there`);
  return { from: url, text: Buffer.from(served).toString('utf8') };
}

async function bundleIn(path: string): Promise<FoundBundle> {
  if (!(await stat(path)).isDirectory()) return { from: path, text: await readFile(path, 'utf8') };
  const text = await readFile(join(path, BUNDLE_FILE), 'utf8');
  const names = await readdir(join(path, 'files')).catch(() => []);
  const files = await Promise.all(names.map(async (name) => [name, await digestOf(join(path, 'files', name))] as const));
  return { from: path, text, files: new Map(files) };
}

async function digestOf(file: string): Promise<Id> {
  return toId(
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
  );
}
