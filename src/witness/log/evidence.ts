/** Which files an entry names as evidence, and what a file says. Pure; fetch.ts fetches. */
import { type Id, toHex } from '../../base/bytes.ts';
import type { FleetEntry } from '../../fleet/entry.ts';
import { decodePoint, encodeUncompressed } from '../../oprf/point.ts';

export interface EvidenceFile {
  readonly url: string;
  readonly digest: Id;
  /** In the entry's words. */
  readonly about: string;
  readonly attests: boolean;
}

/** A file as it was fetched, or why not. The bytes of attestations are looked into, of others only hashed. */
export type Fetched = { readonly digest: Id; readonly bytes?: Uint8Array } | { readonly problem: string };

/**
 * What must be fetched to admit an entry: every file of a fleet that is not retired, and of a retired one what no entry before
 * named. (Files that were checked when they came need not outlive their fleet, or one host that closes would end the log.)
 */
export function filesOf({ fleets }: FleetEntry, admitted: readonly FleetEntry[]): readonly EvidenceFile[] {
  const known = new Set(admitted.flatMap(allFiles).map(keyOf));
  return fleets.flatMap((fleet) => allFiles({ fleets: [fleet] }).filter((file) => fleet.state !== 'retired' || !known.has(keyOf(file))));
}

const keyOf = ({ url, digest }: EvidenceFile): string => `${digest} ${url}`;

function allFiles({ fleets }: Pick<FleetEntry, 'fleets'>): EvidenceFile[] {
  return fleets.flatMap(({ evidence, nodes }) => [
    ...evidence.map(({ url, digest, about }) => ({ url, digest, about, attests: false })),
    ...nodes.flatMap(({ name, attestation }) =>
      attestation === undefined
        ? []
        : [{ url: attestation.url, digest: attestation.digest, about: `attestation of ${name}`, attests: true }],
    ),
  ]);
}

/** A point as DER, X.509 and PKCS#11 hold it: x and y, 64 bytes. */
const COORDINATES = { from: 1, to: 65 };
/** As PEM breaks it into lines, and as JSON holds it. */
const BASE64_RUNS = [/[A-Za-z0-9+/\r\n]{80,}/g, /[A-Za-z0-9_-]{80,}/g];

/** Whether a file has this key in it: as bytes, in hex, or inside base64. @param publicKey 33 bytes, P-256 */
export function saysKey(file: Uint8Array, publicKey: Uint8Array): boolean {
  const { from, to } = COORDINATES;
  const needle = Buffer.from(encodeUncompressed(decodePoint(publicKey)).slice(from, to));
  const whole = Buffer.from(file);
  if (whole.includes(needle)) return true;
  const text = whole.toString('latin1').replaceAll('\\n', '\n');
  if (text.toLowerCase().includes(toHex(needle))) return true;
  const runs = BASE64_RUNS.flatMap((form) => text.match(form) ?? []);
  return runs.some((run) => Buffer.from(run, 'base64').includes(needle));
}
