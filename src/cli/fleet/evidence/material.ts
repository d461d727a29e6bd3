/** What a publication is made of, from the operator's configuration: read, checked as a stranger would, and nodes' certificates asked for. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { connect } from 'node:tls';
import { auditBundle } from '../../../audit/bundle.ts';
import type { Material } from '../../../audit/evidence/compose.ts';
import type { About } from '../../../audit/evidence/publication.ts';
import { filesNamedBy, nameOf } from '../../../audit/evidence-files.ts';
import { reportOf } from '../../../audit/report.ts';
import { fail } from '../../../base/errors.ts';
import { verifyTranscript } from '../../../ceremony/verify.ts';
import { readNamed } from '../../../files/configuration.ts';
import type { FleetEntry } from '../../../fleet/entry.ts';
import type { OperatorConfig } from '../../../operator/config.ts';
import type { Roots } from '../../../operator/desk.ts';
import { rootsIn } from '../../../operator/open-desk.ts';
import { OperatorState } from '../../../operator/state.ts';
import { signingFleets } from '../../../trust/signed-entry.ts';
import { verifyP256 } from '../../../vault/unlock.ts';
import { hash } from '../../../wire/signed.ts';

/** For a node to show its certificate. */
const SHOW_MS = 10_000;

export interface Gathering {
  readonly config: OperatorConfig;
  /** The page that verifies in a browser. */
  readonly pageFile: string;
  /** Files that the entry names and the configuration does not: attestations. */
  readonly moreFiles: readonly string[];
  readonly nowMs: number;
  readonly say: (line: string) => void;
}

export type Gathered = Omit<Material, 'previous'>;

/**
 * @throws `not-found` when nothing was published over the air yet; `untrusted-bundle` for what a stranger would not find good;
 *   `configuration` for a file that the entry names and that is not at hand
 */
export async function gather({ config, pageFile, moreFiles, nowMs, say }: Gathering): Promise<Gathered> {
  const roots = rootsIn(config);
  const bundle =
    new OperatorState(config.stateDir).bundle ?? fail('not-found', 'there is no bundle yet: run "holdfast fleet publish" first');
  const entry = requireGood(bundle, roots, config, nowMs);
  const { evidence, transcripts } = evidenceOf(entry, config, moreFiles);
  return {
    bundle,
    firstRoot: roots.first,
    published: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    log: config.witness.url,
    evidence,
    transcripts,
    certificates: await certificatesOf(entry, say),
    authorities: authoritiesOf(config),
    page: pageIn(pageFile),
  };
}

/** What goes out is good today, or it would be published as something that it is not. */
function requireGood(bundle: string, roots: Roots, { thirdParties }: OperatorConfig, nowMs: number): FleetEntry {
  const policy = { thirdParties, allowSimulated: true };
  const { findings, trusted } = auditBundle(bundle, { roots: roots.first, policy, nowMs, verify: verifyP256 });
  // A fleet that is being left takes no registrations: that is told, and no reason to publish nothing.
  const wrong = findings.find(({ name, result }) => result !== 'good' && result !== 'noted' && name !== 'fleet');
  const { outcome } = reportOf(findings, []);
  if (trusted === undefined || wrong !== undefined)
    return fail(
      'untrusted-bundle',
      `the bundle is not what a stranger would find good (${wrong?.name ?? outcome}): ${wrong?.words ?? ''} Run "holdfast fleet refresh"`,
      {
        ...wrong?.evidence,
      },
    );
  return trusted.entry;
}

/** What the entry names, each found by its digest, and the transcripts that the fleets come from. */
function evidenceOf(entry: FleetEntry, { fleets }: OperatorConfig, more: readonly string[]) {
  const evidence = new Map<string, Uint8Array>();
  const put = (name: string, bytes: Uint8Array): string => {
    const there = evidence.get(name);
    const free = there === undefined || hash(there) === hash(bytes) ? name : `${hash(bytes).slice(0, 8)}-${name}`;
    evidence.set(free, bytes);
    return free;
  };
  const known = [...fleets.flatMap((fleet) => [...fleet.evidence.map(({ file }) => file), fleet.transcript]), ...more];
  const byDigest = new Map(known.map((file) => [hash(Buffer.from(readBytes(file))), file]));
  const names = new Map<string, string>();
  for (const named of filesNamedBy(entry)) {
    const file =
      byDigest.get(named.digest) ??
      fail('configuration', 'the entry names a file that is not at hand: give it with --files', {
        about: named.about,
        url: named.url,
        digest: named.digest,
      });
    names.set(named.digest, put(nameOf(named), readBytes(file)));
  }
  const transcripts: About['transcripts'] = fleets.flatMap(({ transcript }) => {
    const made = verifyTranscript(readNamed(transcript, 'fleets.transcript')).entry?.fleets ?? [];
    return made
      .filter(({ fleet }) => entry.fleets.some((one) => one.fleet.id === fleet.id))
      .map(({ fleet }) => {
        const bytes = readBytes(transcript);
        return { fleet: fleet.id, file: `files/${names.get(hash(bytes)) ?? put(`transcript-${fleet.id.slice(0, 8)}.jsonl`, bytes)}` };
      });
  });
  return { evidence, transcripts };
}

function readBytes(file: string): Uint8Array {
  return existsSync(file) ? new Uint8Array(readFileSync(file)) : fail('configuration', `${file} is not there`, { name: basename(file) });
}

function authoritiesOf({ nodesAuthorityFile, witness }: OperatorConfig): string | undefined {
  const files = [nodesAuthorityFile, witness.authorityFile].filter((one) => one !== undefined);
  return files.length === 0 ? undefined : [...new Set(files)].map((file) => readNamed(file, 'an authority')).join('');
}

function pageIn(file: string): Uint8Array {
  if (existsSync(file)) return new Uint8Array(readFileSync(file));
  return fail('configuration', 'the page that verifies in a browser is not built: run "npm run verify-page"', { file });
}

/** A node that does not answer is told of, and is no reason not to publish. */
async function certificatesOf(entry: FleetEntry, say: (line: string) => void): Promise<Material['certificates']> {
  const asked = signingFleets(entry).flatMap(({ fleet, nodes }) => nodes.map(({ name, url }) => ({ fleet: fleet.id, node: name, url })));
  const shown = await Promise.all(
    asked.map(async ({ fleet, node, url }) => {
      const pem = await certificateAt(new URL(url)).catch(() => undefined);
      if (pem === undefined) say(`note: ${node} shows no TLS certificate at ${url}: it is left out`);
      return pem === undefined ? [] : [{ fleet, node, pem }];
    }),
  );
  return shown.flat();
}

/** Whatever is shown: it is published for comparison, and nothing is sent. */
function certificateAt({ hostname, port }: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname,
      port: Number(port || 443),
      rejectUnauthorized: false,
      timeout: SHOW_MS,
      ...(isName(hostname) && { servername: hostname }),
    });
    socket.once('secureConnect', () => {
      const { raw } = socket.getPeerCertificate();
      socket.end();
      if (raw === undefined) return reject(new Error('no certificate'));
      const lines = raw.toString('base64').match(/.{1,64}/g) ?? [];
      resolve(`-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`);
    });
    socket.once('timeout', () => socket.destroy(new Error('timeout')));
    socket.once('error', reject);
  });
}

const isName = (host: string): boolean => /[a-z]/i.test(host) && !host.includes(':');
