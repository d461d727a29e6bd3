/**
 * What stands above all publications: the index page, and the feed (Atom, RFC 4287) by which anybody learns of a new one and
 * keeps the digest of its list. Both are written anew each time from `index.json`; what they said of earlier ones stays in them.
 */
import { z } from 'zod';
import { id } from '../../api/values.ts';
import { type Id, utf8 } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import { hash } from '../../wire/signed.ts';
import { htmlPage, lines, markup } from './html.ts';
import { warning } from './page.ts';
import { DEVELOPMENT } from './words.ts';

export const INDEX_FILE = 'index.json';

const publication = z.strictObject({
  folder: z.string().regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}-entry-[1-9][0-9]*$/),
  published: z.iso.datetime({ precision: 0 }),
  namespace: z.string().min(1).max(255),
  sequence: z.int().min(1),
  entry: id,
  /** SHA-256 of its list of files. */
  list: id,
  development: z.boolean(),
});

const index = z.strictObject({
  type: z.literal('holdfast/evidence-index/v1'),
  /** The oldest first. */
  publications: z.array(publication).min(1).max(10_000),
  /** SHA-256 of what stands beside it. */
  files: z.strictObject({ 'index.html': id, 'feed.xml': id }),
});

export type Listed = z.output<typeof publication>;
export type Index = Omit<z.output<typeof index>, 'type'>;

/** A publication, and what changed in it against the one before (changes.ts). */
export interface Told extends Listed {
  readonly changes: readonly string[];
}

/** All that stands above the publications, by name; the index last, for it has the digests of the others. */
export function indexFiles(told: readonly Told[]): ReadonlyMap<string, string> {
  const publications = told.map(({ changes: _, ...listed }) => listed);
  const [page, atom] = [indexPage(publications), feed(told)];
  const files: Index['files'] = { 'index.html': hash(utf8(page)), 'feed.xml': hash(utf8(atom)) };
  const spelled = `${JSON.stringify({ type: 'holdfast/evidence-index/v1', publications, files }, undefined, 2)}\n`;
  return new Map([
    ['index.html', page],
    ['feed.xml', atom],
    [INDEX_FILE, spelled],
  ]);
}

/** @throws `malformed` */
export function parseIndex(text: string): Index {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('malformed', `${INDEX_FILE} is not JSON`);
  }
  const read = index.safeParse(value);
  if (!read.success) return fail('malformed', `${INDEX_FILE}: ${read.error.issues[0]?.path.join('.')}: ${read.error.issues[0]?.message}`);
  const { publications, files } = read.data;
  return { publications, files };
}

/** @throws `alarm` unless there is one */
const newest = (publications: readonly Listed[]): Listed => publications.at(-1) ?? fail('alarm', 'nothing was published');

function indexPage(publications: readonly Listed[]): string {
  const { namespace, development } = newest(publications);
  const title = `Evidence of the fleets of ${namespace}${development ? ' (DEVELOPMENT)' : ''}`;
  const rows = [...publications].reverse();
  const body = markup`<main>
<h1>${title}</h1>
${development ? warning(DEVELOPMENT) : ''}
<p>Whose keys people's devices seal for, published each time that anything of it changes or is vouched for anew, so that anybody can check it.
What was published is never changed; each publication names the digest of the one before. <a href="feed.xml">Follow the feed</a>, and keep the
digests that it tells you: with them, a past that is rewritten is found out.</p>
<p>To check the newest: <code>holdfast verify</code> with the address of this page, or by hand as its own page says.</p>
<table>
<thead><tr><th scope="col">published</th><th scope="col">entry</th><th scope="col">SHA-256 of its list of files</th></tr></thead>
<tbody>
${lines(rows, ({ folder, published, sequence, list }) => markup`<tr><th scope="row"><a href="${folder}/index.html">${published}</a></th><td>${sequence}</td><td><code>${list}</code></td></tr>`)}
</tbody>
</table>
</main>`;
  return htmlPage({ title, body, head: markup`<link rel="alternate" type="application/atom+xml" href="feed.xml" title="${title}">` });
}

function feed(publications: readonly Told[]): string {
  const { namespace, development, published } = newest(publications);
  const title = `Evidence of the fleets of ${namespace}${development ? ' (DEVELOPMENT: protects nothing)' : ''}`;
  return markup`<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<id>${urnOf(hash(utf8(`holdfast/evidence-feed ${namespace}`)))}</id>
<title>${title}</title>
<updated>${published}</updated>
<author><name>${namespace}</name></author>
<link rel="alternate" type="text/html" href="index.html"/>
${lines([...publications].reverse(), entryOf)}
</feed>
`.text;
}

function entryOf({ folder, published, namespace, sequence, entry, list, development, changes }: Told) {
  return markup`<entry>
<id>${urnOf(list)}</id>
<title>${development ? 'DEVELOPMENT: ' : ''}Entry ${sequence} of ${namespace}</title>
<updated>${published}</updated>
<link rel="alternate" type="text/html" href="${folder}/index.html"/>
<content type="text">${[`SHA-256 of the list of files: ${list}`, `Digest of the entry: ${entry}`, ...changes].join('\n')}</content>
</entry>`;
}

/** RFC 9562, section 5.8: the same thing has the same name, wherever the feed is copied to. */
function urnOf(digest: Id): string {
  const hex = `${digest.slice(0, 12)}8${digest.slice(13, 16)}8${digest.slice(17, 32)}`;
  return `urn:uuid:${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')}`;
}
