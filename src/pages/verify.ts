/**
 * The script of the page that verifies: the audit of src/audit, with the browser's own fetch. Nothing that it reads becomes
 * markup. Bundled into one file by scripts/pages, which puts its digest into the page's content security policy.
 */
import { auditBundle, BUNDLE_PROVES_NOT } from '../audit/bundle.ts';
import { auditPublication } from '../audit/evidence/audit.ts';
import { LIST_FILE } from '../audit/evidence/publication.ts';
import { type Place, readPublication } from '../audit/evidence/read.ts';
import { auditLive, LIVE_PROVES_NOT } from '../audit/live.ts';
import { auditLog } from '../audit/log.ts';
import { type Finding, finding, reportOf } from '../audit/report.ts';
import { fromUtf8 } from '../base/bytes.ts';
import { systemClock, systemRandom } from '../base/ports.ts';
import { verifyP256 } from '../vault/unlock.ts';
import { readAnswer } from './fetch.ts';
import { showReport } from './show.ts';

interface Asked {
  readonly root: string;
  readonly file: string | undefined;
  readonly address: string;
  readonly log: string;
  readonly live: boolean;
  readonly thirdParties: number;
  readonly allowSimulated: boolean;
}

const PROVES_NOT = 'that this page is honest: it came from where you got it.';

async function check({ root, file, address, log, live, thirdParties, allowSimulated }: Asked): Promise<void> {
  const common = { nowMs: systemClock(), verify: verifyP256 };
  const findings: Finding[] = [];
  const found = file === undefined ? await bundleAt(address, findings) : { text: file };
  if (found !== undefined) {
    const audited = auditBundle(found.text, { ...common, roots: root, policy: { thirdParties, allowSimulated } });
    findings.push(...audited.findings);
    if (found.files?.has(LIST_FILE)) findings.push(...auditPublication(found.files, audited.trusted));
    const options = {
      fetchText: async (url: string) => fromUtf8(await readWhole(url)),
      random: systemRandom,
      verify: verifyP256,
      allowSimulated,
    };
    if (live && audited.trusted !== undefined) findings.push(...(await auditLive(audited.trusted.entry, options)));
  }
  if (log !== '') {
    const audited = await auditLog({ ...common, root, log: placeAt(log), mirrors: [], thirdParties });
    findings.push(...audited.findings);
  }
  showReport(reportOf(findings, [PROVES_NOT, ...BUNDLE_PROVES_NOT, LIVE_PROVES_NOT]));
}

interface Found {
  readonly text: string;
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

/** Of a node, or of published evidence; what is not there is told as a finding. */
async function bundleAt(address: string, findings: Finding[]): Promise<Found | undefined> {
  try {
    const place = placeAt(address);
    const served = address.endsWith('.json') ? await readWhole(address) : await place.read('v1/bundle').catch(() => undefined);
    if (served !== undefined) return { text: fromUtf8(served) };
    const read = await readPublication(place);
    if (read === undefined) throw new Error('there is no bundle');
    findings.push(...read.findings);
    return { text: read.bundle, files: read.files };
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown';
    findings.push(
      finding('bundle', 'unknown', 'There is no bundle to be had there, or the server lets no page read it.', { address, why }),
    );
    return undefined;
  }
}

function placeAt(address: string): Place {
  const base = address.replace(/\/(index\.html)?$/, '');
  return { name: address, read: (path) => readAnswer(`${base}/${path}`) };
}

async function readWhole(url: string): Promise<Uint8Array> {
  const bytes = await readAnswer(url);
  if (bytes === undefined) throw new Error(`${url} is not there`);
  return bytes;
}

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const textOf = (id: string): Promise<string> | undefined => byId<HTMLInputElement>(id).files?.[0]?.text();

/** Published evidence has this page beside its bundle. */
function beside(): string {
  return location.protocol === 'file:' ? '' : new URL('.', location.href).href;
}

byId<HTMLInputElement>('address').value = beside();
byId<HTMLFormElement>('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const value = (id: string) => byId<HTMLInputElement>(id).value.trim();
  const ticked = (id: string) => byId<HTMLInputElement>(id).checked;
  const submit = async () =>
    check({
      root: (await textOf('root')) ?? '',
      file: await textOf('file'),
      address: value('address'),
      log: value('log'),
      live: ticked('live'),
      thirdParties: Number(value('third-parties')),
      allowSimulated: ticked('simulated'),
    });
  byId('results').textContent = 'Looking ...';
  // Failing closed: whatever is thrown is shown as no result, never as a good one.
  submit().catch((error: unknown) => {
    byId('results').textContent = `COULD NOT TELL: ${error instanceof Error ? error.message : 'unknown'}`;
  });
});
