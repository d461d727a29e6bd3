/** Opens what a command needs from the operator's configuration, and closes it in the reverse order. */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../base/errors.ts';
import { Parts } from '../base/parts.ts';
import { type Clock, systemClock } from '../base/ports.ts';
import type { Obtaining } from '../custody/pin.ts';
import { readNamed } from '../files/configuration.ts';
import { newestOf, readRoots } from '../files/roots.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import { signNote } from '../log/note.ts';
import { entryText } from '../trust/signed-entry.ts';
import { verifyP256 } from '../vault/unlock.ts';
import { hash } from '../wire/signed.ts';
import type { OperatorConfig } from './config.ts';
import type { Desk, Progress, Roots } from './desk.ts';
import { fleetsOf, type Planned } from './draft.ts';
import { openCosigningKey, openTls, signWithReleaseKeys } from './keys.ts';
import { connectNodes } from './nodes.ts';
import { OperatorState } from './state.ts';
import { connectWitness } from './witness.ts';

export interface Surroundings {
  /** The entry that follows from the transcript of a ceremony (src/ceremony/verify.ts), if it made a fleet. @throws what does not verify */
  readonly entryOf: (transcript: string) => FleetEntry | undefined;
  readonly report: (progress: Progress) => void;
  /** Told what happens while PINs are waited for. */
  readonly trace: Obtaining['trace'];
  readonly clock?: Clock;
}

/** @throws `configuration`, and what tokens refuse with; then nothing is left open */
export async function withDesk<T>(
  config: OperatorConfig,
  { entryOf, report, trace, clock = systemClock }: Surroundings,
  work: (desk: Desk) => Promise<T>,
): Promise<T> {
  const parts = new Parts();
  try {
    // The command is ended by the signal that ends its process.
    const obtaining = { trace, stop: new AbortController().signal };
    const roots = rootsIn(config);
    const fleets = config.fleets.flatMap((one) => plannedOf(one, entryOf));
    const cosigning = parts.add(await openCosigningKey(config, roots.latest.operator, obtaining), (it) => it.close());
    const tls = parts.add(await openTls(config, obtaining), (it) => it.close());
    const witness = parts.add(connectWitness(config, tls.credentials), (it) => it.close());
    const nodes = parts.add(connectNodes(config), (it) => it.close());
    return await work({
      roots,
      state: new OperatorState(config.stateDir),
      witness,
      nodes,
      fleets,
      validDays: config.validDays,
      thirdParties: config.thirdParties,
      cosignaturesLimitMs: config.cosignaturesLimitMs,
      release: (entry) => signWithReleaseKeys(config, roots.latest.release, (vkey, by) => signNote(entryText(entry), vkey, by), obtaining),
      cosign: cosigning.sign,
      verify: verifyP256,
      clock,
      sleep: (ms) => sleep(ms),
      report,
    });
  } finally {
    await parts.close();
  }
}

/** The fleets that a ceremony made: their keys as its transcript derives them again, and what is published of them beside. */
function plannedOf({ transcript, measurements, evidence }: OperatorConfig['fleets'][number], entryOf: Surroundings['entryOf']): Planned[] {
  const entry = entryOf(readNamed(transcript, 'fleets.transcript'));
  if (entry === undefined) return fail('configuration', 'fleets.transcript: this ceremony made no fleet', { transcript });
  const published = evidence.map(({ about, url, file }) => ({ about, digest: hash(readFileSync(file)), url }));
  return fleetsOf(entry).map(({ state: _, since: __, ...fleet }) => ({ ...fleet, measurements, evidence: published }));
}

/** The chain of roots as the operator keeps it. @throws `configuration` */
export function rootsIn({ rootsDir }: OperatorConfig): Roots {
  const roots = readRoots(rootsDir, 'rootsDir');
  const [first, ...later] = roots;
  return { first: first.text, chain: later.map(({ text }) => text), latest: newestOf(roots), logs: roots.map(({ log }) => log) };
}
