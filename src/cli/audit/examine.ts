/** All that `holdfast verify` looks at, in the order in which it is told. */
import { auditBundle, BUNDLE_PROVES_NOT } from '../../audit/bundle.ts';
import { auditLive, LIVE_PROVES_NOT } from '../../audit/live.ts';
import { type Finding, type Report, reportOf } from '../../audit/report.ts';
import { type Audited, compareBundles, newestAudited } from '../../audit/views.ts';
import { systemClock, systemRandom } from '../../base/ports.ts';
import type { Seen } from '../../trust/seen.ts';
import type { Policy } from '../../trust/verify.ts';
import { verifyP256 } from '../../vault/unlock.ts';
import { type FoundBundle, findBundle } from './bundles.ts';
import { auditEvidence } from './evidence.ts';
import type { Web } from './sources.ts';

export interface Examining {
  /** Files, folders and addresses. */
  readonly places: readonly string[];
  /** The text of the root.json that is trusted. */
  readonly root: string;
  readonly seen?: Seen | undefined;
  readonly policy: Policy;
  /** Ask the nodes. */
  readonly live: boolean;
  readonly web: Web;
}

export interface Examined {
  readonly report: Report;
  /** The bundle that was looked at in full. */
  readonly newest: Audited | undefined;
}

export async function examine({ places, root, seen, policy, live, web }: Examining): Promise<Examined> {
  const found = await Promise.all(places.map((place) => findBundle(place, web)));
  const bundles = found.filter((one): one is FoundBundle => 'text' in one);
  const missing = found.filter((one): one is Finding => !('text' in one));
  const checking = { roots: root, policy, nowMs: systemClock(), seen, verify: verifyP256 };
  const audited = bundles.map(({ from, text }): Audited => ({ from, ...auditBundle(text, checking) }));
  const newest = newestAudited(audited);
  const asking = { fetchText: web.text, random: systemRandom, verify: verifyP256, allowSimulated: policy.allowSimulated };
  const findings = [
    ...missing,
    ...compareBundles(audited),
    ...audited.filter((one) => one !== newest).flatMap(badOf),
    ...(newest?.findings ?? []),
    ...bundles.flatMap((one, i) => auditEvidence(one, audited[i]?.trusted)),
    ...(live && newest?.trusted ? await auditLive(newest.trusted.entry, asking) : []),
  ];
  return { report: reportOf(findings, [...BUNDLE_PROVES_NOT, ...(live ? [LIVE_PROVES_NOT] : [])]), newest };
}

/** Of a bundle that is not the one looked at in full: only what does not hold, and where it came from. */
function badOf({ from, findings }: Audited): readonly Finding[] {
  return findings.filter(({ result }) => result === 'bad').map((one) => ({ ...one, evidence: { ...one.evidence, from } }));
}
