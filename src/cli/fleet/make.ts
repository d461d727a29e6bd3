/** Makes a development fleet's folder by its ceremony: choices first, then the steps, and nothing when it is there already. */
import { existsSync, readFileSync } from 'node:fs';
import { fail } from '../../base/errors.ts';
import { systemClock } from '../../base/ports.ts';
import { DevelopmentSite } from '../../ceremony/development-site.ts';
import { type Progress, perform } from '../../ceremony/perform.ts';
import { developmentFleet } from '../../ceremony/plans/development-fleet.ts';
import { type DevelopmentParameters, readParameters } from '../../ceremony/plans/development-parameters.ts';
import { parseTranscript, Transcript } from '../../ceremony/transcript.ts';
import { PAGES_DEFAULT } from '../../token/index.ts';
import { transcriptFile } from './layout.ts';
import { locked } from './lock.ts';
import { freePorts } from './ports.ts';

const NODES_DEFAULT = 5;
const HOUR_MS = 3_600_000;
const VALID_MS = 10 * 365 * 24 * HOUR_MS;

/** What is chosen for a new fleet. */
export async function chooseParameters(size = NODES_DEFAULT): Promise<DevelopmentParameters> {
  const ports = await freePorts(3 * size + 1);
  const port = (i: number): number => ports[i] ?? fail('alarm', 'too few ports');
  const now = systemClock();
  return {
    namespace: 'holdfast-development',
    tenant: 'development',
    quorum: Math.floor(size / 2) + 1,
    validFrom: toSecond(now - HOUR_MS),
    validUntil: toSecond(now + VALID_MS),
    pages: PAGES_DEFAULT,
    nodes: Array.from({ length: size }, (_, i) => ({
      name: `node-${i + 1}`,
      region: `region-${i + 1}`,
      operator: 'Development',
      url: `https://127.0.0.1:${port(3 * i)}`,
      publicPort: port(3 * i),
      peerPort: port(3 * i + 1),
      metricsPort: port(3 * i + 2),
    })),
    accountsPort: port(3 * size),
  };
}

const toSecond = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/**
 * @param size of a new fleet; of one that is there, it must be this
 * @throws `configuration` when the folder holds a fleet of another size; what a step throws
 */
export async function makeFleetIn(folder: string, size: number | undefined, report: (progress: Progress) => void): Promise<void> {
  const begun = parametersOf(folder);
  if (begun !== undefined && size !== undefined && begun.nodes.length !== size)
    fail('configuration', 'the folder holds a fleet of another size: take another folder with --dir, or leave --nodes out', {
      folder,
      nodes: begun.nodes.length,
    });
  const plan = developmentFleet(begun ?? (await chooseParameters(size)));
  const site = new DevelopmentSite(folder);
  await locked(folder, async () => {
    try {
      await perform(plan, site, new Transcript(transcriptFile(folder), systemClock), report);
    } finally {
      site.close();
    }
  });
}

/** Of a ceremony that was begun here. */
function parametersOf(folder: string): DevelopmentParameters | undefined {
  const file = transcriptFile(folder);
  const begun = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1)[0] : undefined;
  return begun === undefined ? undefined : readParameters(parseTranscript(`${begun}\n`).lines[0]?.facts['parameters']);
}
