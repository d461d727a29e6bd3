/**
 * Which fleet keys this device trusts, in either mode: a pinned entry as it is, or over the air whatever verifies under the pinned
 * root. What does not verify, or may not be current, is said in plain words and never passed over.
 */
import { readFile } from 'node:fs/promises';
import type { Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Fetch } from '../client/fleet-http.ts';
import { type LearnedFleet, learnFleet } from '../client/learn.ts';
import { type FleetEntry, parseEntry } from '../fleet/entry.ts';
import type { Check } from '../trust/check.ts';
import type { DeviceHome, Profile } from './home.ts';
import type { Say } from './say.ts';

export interface FleetKeys {
  readonly entry: FleetEntry;
  /** Over the air only: what was checked, and what may be done with it. */
  readonly learned?: LearnedFleet;
}

const THIRD_PARTIES = 1;

/**
 * @param where the fleet that a backup names, or the one that takes registrations
 * @throws `untrusted-bundle`, `no-quorum`, `configuration`
 */
export async function readFleetKeys(home: DeviceHome, profile: Profile, where: Id | 'active', fetch: Fetch, say: Say): Promise<FleetKeys> {
  if ('entryFile' in profile) return { entry: parseEntry(await readPinned(profile.entryFile, 'entryFile')) };
  const root = await readPinned(profile.rootFile, 'rootFile');
  const learned = await learnFleet({
    root,
    urls: profile.urls,
    policy: { thirdParties: profile.thirdParties ?? THIRD_PARTIES, allowSimulated: profile.allowSimulated },
    known: home.known(root),
    purpose: { kind: 'recover', fleet: where },
    report: ({ from, why }) => say(`warning: the fleet keys from ${from} are refused: ${why} Tell the operator.`),
    fetch,
  });
  for (const line of warningsOf(learned)) say(line);
  return { entry: learned.trusted.entry, learned };
}

/** That simulated tokens protect nothing was said when they were allowed. */
function warningsOf({ verdict, split }: LearnedFleet): readonly string[] {
  const told = verdict.checks.filter(({ name, result }) => result === 'warning' && name !== 'simulated');
  const lines = told.map(({ name, words }) => `warning: the fleet keys (${name}): ${words}`);
  if (split === undefined) return lines;
  return [
    ...lines,
    `warning: two pasts of the log are shown, by ${split[0].from} and ${split[1].from}: tell others. Nothing is registered.`,
  ];
}

/** Why a key that came over these fleet keys encrypts no new backups; nothing when it may. */
export function whyStale({ learned }: FleetKeys): Check | undefined {
  return learned?.stale[0];
}

function readPinned(file: string, key: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) =>
    fail('configuration', `${key}: ${file} cannot be read`, { cause: error.code ?? 'unknown' }),
  );
}
