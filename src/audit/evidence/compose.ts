/**
 * One publication, whole: what follows from the bundle, what is published beside it, VERIFY.txt, the page, and the list of all of
 * it. Pure: the command (src/cli/fleet/evidence.ts) reads and writes, and has checked the bundle as a stranger would.
 */
import { type Id, utf8 } from '../../base/bytes.ts';
import { parseEntry } from '../../fleet/entry.ts';
import { parseBundle } from '../../trust/bundle.ts';
import { parseRoot } from '../../trust/root.ts';
import { openRoots } from '../../trust/roots.ts';
import { parseSignedEntry } from '../../trust/signed-entry.ts';
import { hash } from '../../wire/signed.ts';
import { changesBetween } from '../changes.ts';
import { claimsOf } from './claims.ts';
import { derive, type Files } from './derived.ts';
import { formatList } from './list.ts';
import type { Listed } from './listing.ts';
import { publicationPage } from './page.ts';
import {
  ABOUT_FILE,
  type About,
  BUNDLE_FILE,
  certificateFile,
  folderName,
  formatAbout,
  isDevelopment,
  LIST_FILE,
  PAGE_FILE,
  PREVIOUS_FILE,
} from './publication.ts';
import { verifyText } from './verify-text.ts';

export interface Material {
  /** The bundle's line. */
  readonly bundle: string;
  /** The root that clients pin at the earliest. */
  readonly firstRoot: string;
  /** In UTC, to the second. */
  readonly published: string;
  /** Address of the log. */
  readonly log: string;
  /** What the entry names, and transcripts: by their path below `files/`. */
  readonly evidence: ReadonlyMap<string, Uint8Array>;
  /** Which of those are transcripts, and of which fleet. */
  readonly transcripts: About['transcripts'];
  /** PEM of the TLS certificate that a node showed just now. */
  readonly certificates: readonly { readonly fleet: Id; readonly node: string; readonly pem: string }[];
  /** PEM of TLS authorities that the system does not know. */
  readonly authorities?: string | undefined;
  /** The page that verifies in a browser. */
  readonly page: Uint8Array;
  /** Vkey of the operator, where its key signs the list when all is composed (list-note.ts). */
  readonly signer?: string | undefined;
  readonly previous?: { readonly listed: Listed; readonly entry: string } | undefined;
}

export interface Composed {
  readonly listed: Listed;
  readonly files: Files;
}

/** @throws `malformed`, `not-signed` for a bundle that should not have come here */
export function compose(material: Material): Composed {
  const { published, previous, authorities, certificates, signer } = material;
  const bundle = parseBundle(material.bundle);
  const { entry } = parseSignedEntry(bundle.entry);
  const root = openRoots({ pinned: material.firstRoot, chain: bundle.roots });
  const derived = derive(bundle, root);
  const about: About = {
    published,
    namespace: entry.namespace,
    sequence: entry.sequence,
    entry: entry.digest,
    bundle: bundle.digest,
    development: isDevelopment(entry),
    log: material.log,
    transcripts: material.transcripts,
    certificates: certificates.map(({ fleet, node }) => certificateFile(fleet, node)),
    ...(signer !== undefined && { signer }),
    ...(authorities !== undefined && { authorities: 'authorities.pem' }),
    ...(previous !== undefined && { previous: { folder: previous.listed.folder, list: previous.listed.list } }),
  };
  const changes = changesBetween(previous && parseEntry(previous.entry), entry);
  const files = new Map<string, Uint8Array>([
    [BUNDLE_FILE, utf8(`${bundle.line}\n`)],
    ...derived.files,
    [`roots/${parseRoot(material.firstRoot).version}.root.json`, utf8(material.firstRoot)],
    ...[...material.evidence].map(([path, bytes]): [string, Uint8Array] => [`files/${path}`, bytes]),
    ...certificates.map(({ fleet, node, pem }): [string, Uint8Array] => [certificateFile(fleet, node), utf8(pem)]),
    [PAGE_FILE, material.page],
    [ABOUT_FILE, utf8(formatAbout(about))],
  ]);
  if (authorities !== undefined) files.set('authorities.pem', utf8(authorities));
  if (about.previous !== undefined) files.set(PREVIOUS_FILE, utf8(`${about.previous.list}  ../${about.previous.folder}/${LIST_FILE}\n`));
  const publication = { about, entry, bundle, root, derived, files, changes };
  const sections = claimsOf(publication);
  files.set('VERIFY.txt', utf8(verifyText(publication, sections)));
  files.set('index.html', utf8(publicationPage(publication, sections)));
  const list = utf8(formatList(files));
  files.set(LIST_FILE, list);
  const { namespace, sequence, development } = about;
  const folder = folderName(published, sequence);
  return {
    files,
    listed: { folder, published, namespace, sequence, entry: entry.digest, list: hash(list), development },
  };
}
