/** What changed from one fleet entry to the next, in plain lines: fleets that came, went or changed, each with its keys. */
import { type Id, toHex } from '../base/bytes.ts';
import type { EntryFleet, EntryNode, FleetEntry } from '../fleet/entry.ts';
import { lastSignedBy } from '../trust/signed-entry.ts';

export function changesBetween(before: FleetEntry | undefined, after: FleetEntry): readonly string[] {
  const lines: string[] = [];
  for (const fleet of after.fleets) {
    const old = before?.fleets.find((one) => one.fleet.id === fleet.fleet.id);
    lines.push(...(old === undefined ? added(fleet) : changed(old, fleet)));
  }
  for (const { fleet } of before?.fleets ?? []) {
    if (!after.fleets.some((one) => one.fleet.id === fleet.id)) lines.push(`- fleet ${fleet.id} is not listed any more`);
  }
  return lines;
}

/** A fleet's keys never change: its id is their hash. So they are shown once, where the fleet comes. */
function added({ fleet, state, nodes, measurements }: EntryFleet): readonly string[] {
  const { quorum, threshold } = fleet;
  return [
    `+ fleet ${fleet.id}: ${state}, ${nodes.length} nodes, quorum ${quorum}, threshold ${threshold}`,
    ...nodes.flatMap((node) => [
      `+   node ${node.name} of ${node.operator} in ${node.region}, ${tokenOf(node)}`,
      `+     identity key ${toHex(node.identityKey)}`,
      `+     sealing key  ${toHex(node.sealingKey)}`,
    ]),
    ...measurements.map(({ digest }) => `+   may run the code ${digest}`),
  ];
}

function changed(old: EntryFleet, now: EntryFleet): readonly string[] {
  const name = `fleet ${now.fleet.id}`;
  const codes = (of: EntryFleet) => of.measurements.map(({ digest }) => digest as string);
  return [
    ...(old.state === now.state ? [] : [`  ${name}: ${old.state} -> ${now.state}`]),
    ...codes(now)
      .filter((one) => !codes(old).includes(one))
      .map((one) => `+ ${name} may run the code ${one}`),
    ...codes(old)
      .filter((one) => !codes(now).includes(one))
      .map((one) => `- ${name} may not run the code ${one} any more`),
    ...now.nodes.flatMap((node) => absenceChange(name, lastSignedBy(old, node), lastSignedBy(now, node), node)),
    ...now.nodes.flatMap((node, i) => nodeChanges(name, old.nodes[i], node)),
  ];
}

function absenceChange(fleet: string, before: Id | undefined, now: Id | undefined, { name }: EntryNode): readonly string[] {
  if (before === undefined && now !== undefined) return [`- ${fleet}, node ${name}: absent, does not sign; signed last ${now}`];
  return before !== undefined && now === undefined ? [`+ ${fleet}, node ${name}: signs again`] : [];
}

function nodeChanges(fleet: string, old: EntryNode | undefined, now: EntryNode): readonly string[] {
  if (old === undefined) return [];
  const facts = (of: EntryNode) => ({ name: of.name, address: of.url, region: of.region, operator: of.operator, token: tokenOf(of) });
  const [before, after] = [facts(old), facts(now)];
  return (Object.keys(after) as (keyof typeof after)[])
    .filter((key) => before[key] !== after[key])
    .map((key) => `  ${fleet}, node ${now.name}: ${key} ${before[key]} -> ${after[key]}`);
}

function tokenOf({ token }: EntryNode): string {
  return `${token.model} (class ${token.class}${token.simulated ? ', SIMULATED' : ''})`;
}
