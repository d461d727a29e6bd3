/** The files of an evidence folder against the digests in the entry: the entry names what was published, and files can be exchanged. */
import type { Id } from '../base/bytes.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import { type Finding, finding } from './report.ts';

export interface NamedFile {
  /** What it is about, as the entry says. */
  readonly about: string;
  readonly digest: Id;
  readonly url: string;
}

/** Evidence of fleets, and the attestations of their nodes' sealing keys. */
export function filesNamedBy({ fleets }: Pick<FleetEntry, 'fleets'>): readonly NamedFile[] {
  return fleets.flatMap(({ evidence, nodes }) => [
    ...evidence,
    ...nodes.flatMap(({ name, attestation }) =>
      attestation === undefined
        ? []
        : [{ about: `attestation of the sealing key of ${name}`, digest: attestation.digest, url: attestation.url }],
    ),
  ]);
}

/** The name that a file has in a folder: nothing in it that a shell or a path would read as more than a name. */
export function nameOf({ url }: Pick<NamedFile, 'url'>): string {
  const last = new URL(url).pathname.split('/').filter(Boolean).at(-1) ?? 'file';
  return (
    last
      .replace(/[^A-Za-z0-9._-]/g, '_')
      .replace(/^[._-]+/, '')
      .slice(0, 100) || 'file'
  );
}

/** @param digests SHA-256 of each file of the folder, by name */
export function auditFiles(entry: FleetEntry, digests: ReadonlyMap<string, Id>): readonly Finding[] {
  const found = new Set(digests.values());
  return filesNamedBy(entry).map((file) => {
    const name = `evidence ${nameOf(file)}`;
    const evidence = { about: file.about, digest: file.digest };
    if (found.has(file.digest)) return finding(name, 'good', `Is the file that the entry names (${file.about}).`, evidence);
    const other = digests.get(nameOf(file));
    if (other !== undefined)
      return finding(name, 'bad', 'Is not the file that the entry names: it was changed.', { ...evidence, got: other });
    return finding(name, 'unknown', 'Is not in this folder.', { ...evidence, url: file.url });
  });
}
