/**
 * What a ceremony would do, call by call: it is rehearsed in a folder that is thrown away, and every command and PKCS#11 call that
 * was really made stands under its step. On a device the calls are the same but for mechanisms that the probe chooses.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../base/ports.ts';
import { rehearse, TRANSCRIPT_FILE } from './conduct.ts';
import { DevelopmentSite } from './development-site.ts';
import type { Kind } from './kind.ts';
import { kindOf } from './kinds.ts';
import { perform } from './perform.ts';
import { describePlan } from './plan.ts';
import { Transcript } from './transcript.ts';

export async function dryRun(name: string, parameters: unknown): Promise<string> {
  const kind = kindOf(name);
  const acts = new Acts();
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-dry-run-'));
  try {
    await (kind.room === undefined ? alone(kind, folder, parameters, acts) : inRoom(kind, folder, parameters, acts));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return describePlan(kind.plan(parameters), acts.told());
}

async function inRoom(kind: Kind, folder: string, parameters: unknown, acts: Acts): Promise<void> {
  await rehearse({ kind: kind.name, folder, parameters, report: acts.report, onAct: acts.onAct });
}

async function alone(kind: Kind, folder: string, parameters: unknown, acts: Acts): Promise<void> {
  const site = new DevelopmentSite(folder, systemRandom, acts.onAct);
  const transcript = new Transcript(join(folder, TRANSCRIPT_FILE), systemClock);
  try {
    await perform(kind.plan(parameters), site as never, transcript, { oneByOne: true, report: acts.report });
  } finally {
    site.close();
  }
}

/** What was done, by the step it was done for. */
class Acts {
  readonly #acts = new Map<string, string[]>();
  #step = '';

  readonly report = ({ step, how }: { readonly step: string; readonly how: string }): void => {
    if (how === 'begun') this.#step = step;
  };

  readonly onAct = (act: string): void => {
    this.#acts.set(this.#step, [...(this.#acts.get(this.#step) ?? []), act]);
  };

  /** The same calls in a row once, with how often; those of a second node only where they differ from the first one's. */
  told(): Map<string, readonly string[]> {
    const first = new Map<string, string>();
    return new Map(
      [...this.#acts].map(([step, acts]) => {
        const [token = ''] = step.split('/');
        const short = inRuns(acts);
        const pattern = short.map((act) => act.replaceAll(token, '*')).join('\n');
        const same = first.get(pattern);
        if (same === undefined) first.set(pattern, step);
        return [step, same === undefined || short.length < 3 ? short : [`as in ${same}`]];
      }),
    );
  }
}

function inRuns(acts: readonly string[]): string[] {
  const runs: { act: string; times: number }[] = [];
  for (const act of acts) {
    const last = runs.at(-1);
    if (last?.act === act) last.times += 1;
    else runs.push({ act, times: 1 });
  }
  return runs.map(({ act, times }) => (times === 1 ? act : `${act} (${times} times)`));
}
