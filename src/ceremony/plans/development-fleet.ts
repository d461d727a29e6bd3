/**
 * A fleet for development and tests: SoftHSM in place of devices, all nodes on one machine and of one operator. The ceremony
 * of a real fleet has the same token steps (node-token.ts) and the same derivation of the entry (derive-entry.ts).
 */
import type { DevelopmentSite } from '../development-site.ts';
import type { Plan } from '../plan.ts';
import { accountsStep, entryStep, nodeStep, profileStep, tlsStep } from './development-files.ts';
import { readParameters } from './development-parameters.ts';
import { developmentToken, nodeTokenSteps } from './node-token.ts';

export const DEVELOPMENT_FLEET = 'development-fleet';

/** @throws `malformed` */
export function developmentFleet(value: unknown): Plan<DevelopmentSite> {
  const chosen = readParameters(value);
  const names = chosen.nodes.map(({ name }) => name);
  return {
    name: DEVELOPMENT_FLEET,
    title: `A development fleet of ${names.length} nodes on SoftHSM, which protects nothing`,
    parameters: chosen,
    steps: [
      ...names.flatMap((node) => [developmentToken(node), ...nodeTokenSteps(node, chosen.pages)]),
      entryStep(chosen),
      tlsStep(chosen),
      ...chosen.nodes.map((node) => nodeStep(chosen, node)),
      accountsStep(chosen),
      profileStep(chosen),
    ],
  };
}
