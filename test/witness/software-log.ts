/** A log in this process, over a folder, with keys in software: for what must be stopped at any step, or damaged. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Files } from '../../src/files/files.ts';
import { openRoot } from '../../src/trust/roots.ts';
import { verifyP256 } from '../../src/vault/unlock.ts';
import { EMPTY_TREE } from '../../src/witness/add-checkpoint.ts';
import { Cosigner } from '../../src/witness/cosigner.ts';
import { decide } from '../../src/witness/log/decision.ts';
import { KeptLog } from '../../src/witness/log/log.ts';
import { ThirdParties } from '../../src/witness/third-parties.ts';
import { goodFleet, NOW_MS, type World } from '../trust/world.ts';

/** Everything that a key of this witness ever signed, one JSON string per line. */
export const SIGNED = 'signed.jsonl';

/** The token's memory has its own test, on SoftHSM: here the files have to do alone. */
const forgetful = { latest: async () => undefined, remember: async () => undefined };
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

export function beginSoftwareLog(folder: string): Promise<void> {
  return decide(new Files(folder), EMPTY_TREE);
}

/** @param step told before every change to the disk and every signature */
export function openSoftwareLog(world: World, folder: string, step: (what: string) => void = () => undefined): Promise<KeptLog> {
  const files = new Files(folder, step);
  const signing = (key: World['log']) => async (bytes: Uint8Array) => {
    step(`sign as ${key.vkey.name}`);
    appendFileSync(join(folder, SIGNED), `${JSON.stringify(Buffer.from(bytes).toString('utf8'))}\n`);
    return key.sign(bytes);
  };
  const { log, witness } = world;
  const logs = [{ origin: log.vkey.name, vkeys: [log.vkey] }];
  const clock = () => NOW_MS;
  return KeptLog.open({
    vkey: log.vkey,
    sign: signing(log),
    roots: { newest: openRoot(world.roots[0]!), logKeys: [log.vkey], replaced: [], text: () => undefined, follow: () => undefined },
    cosigner: new Cosigner({
      vkey: witness.vkey,
      sign: signing(witness),
      logs,
      files,
      memory: forgetful,
      clock,
      onInconsistent: () => undefined,
    }),
    thirdParties: new ThirdParties([], 1000, silent),
    files,
    clock,
    verify: verifyP256,
    measurements: undefined,
    attestationRoots: new Map(),
    evidence: { bytesMax: 1000, limitMs: 1000 },
    onFailure: () => undefined,
  });
}

/** The next entry, of a fleet that names no evidence. */
export function bareEntry(world: World, overrides: Parameters<World['entry']>[0] = {}) {
  const fleet = goodFleet();
  const nodes = fleet.nodes.map((node) => ({ ...node, token: { ...node.token, simulated: true } }));
  return world.sign(world.entry({ fleets: [{ ...fleet, nodes, evidence: [] }], ...overrides }));
}
