/** Makes a development fleet's folder by its ceremony: choices first, then the steps, and nothing when it is there already. */
import { fail, HoldfastError } from '../../base/errors.ts';
import { systemClock } from '../../base/ports.ts';
import { DevelopmentSite } from '../../ceremony/development-site.ts';
import { type Progress, perform } from '../../ceremony/perform.ts';
import { developmentFleet } from '../../ceremony/plans/development-fleet.ts';
import { type DevelopmentParameters, readParameters } from '../../ceremony/plans/development-parameters.ts';
import { END, Transcript } from '../../ceremony/transcript.ts';
import { PAGES_DEFAULT } from '../../token/index.ts';
import { transcriptFile } from './layout.ts';
import { locked } from './lock.ts';
import { freePorts } from './ports.ts';
import { makeSides, sidesAreMade } from './sides.ts';

const NODES_DEFAULT = 5;
const HOUR_MS = 3_600_000;
const VALID_MS = 10 * 365 * 24 * HOUR_MS;

/** How people learn the fleet's keys: from a file that they are given, or from the vault's answers. */
export type Mode = 'pinned' | 'over-the-air';

/** What is chosen for a new fleet. */
export async function chooseParameters(size = NODES_DEFAULT, mode: Mode = 'pinned'): Promise<DevelopmentParameters> {
  const ports = await freePorts(3 * size + 4);
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
      // Clients refuse a fleet of which one operator has as many nodes as open a share.
      operator: `operator-${i + 1}`,
      url: `https://127.0.0.1:${port(3 * i)}`,
      publicPort: port(3 * i),
      peerPort: port(3 * i + 1),
      metricsPort: port(3 * i + 2),
    })),
    accountsPort: port(3 * size),
    ...(mode === 'over-the-air' && {
      overTheAir: { witnessPort: port(3 * size + 1), operatorPort: port(3 * size + 2), thirdPartyPort: port(3 * size + 3) },
    }),
  };
}

const toSecond = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/**
 * A fleet that is finished stays as it is, whatever this version's plan would make of it.
 * @param size of a new fleet; of one that is there, it must be this
 * @throws `configuration` when the folder holds a fleet of another size; what a step throws
 */
export async function makeFleetIn(
  folder: string,
  size: number | undefined,
  report: (progress: Progress) => void,
  mode: Mode = 'pinned',
): Promise<void> {
  const site = new DevelopmentSite(folder);
  await locked(folder, async () => {
    const transcript = new Transcript(transcriptFile(folder), systemClock);
    const [first] = transcript.lines;
    const begun = first && readParameters(first.facts['parameters']);
    if (begun !== undefined && size !== undefined && begun.nodes.length !== size) refuseSize(folder, begun);
    const chosen = begun ?? (await chooseParameters(size, mode));
    try {
      if (transcript.lines.at(-1)?.step !== END) await perform(developmentFleet(chosen), site, transcript, { report });
      if (chosen.overTheAir !== undefined && !sidesAreMade(site)) await makeSides(site, chosen, chosen.overTheAir);
    } catch (error) {
      throw withWayOut(error, folder);
    } finally {
      site.close();
    }
  });
}

function refuseSize(folder: string, { nodes }: DevelopmentParameters): never {
  return fail('configuration', 'the folder holds a fleet of another size: take another folder with --dir, or leave --nodes out', {
    folder,
    nodes: nodes.length,
  });
}

/** What is half done is never replaced by itself. */
function withWayOut(error: unknown, folder: string): unknown {
  if (!(error instanceof HoldfastError)) return error;
  const way = `no fleet came of it, so ${folder} can be removed, and the ceremony begun again`;
  return new HoldfastError(error.code, `${error.message}; ${way}`, error.evidence, error);
}
