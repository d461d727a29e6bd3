/** `holdfast fleet`: a fleet on this machine, for development, tests and demonstrations. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { NO_ID } from '../base/bytes.ts';
import { bringUp, startOne, takeDown } from './fleet/bring-up.ts';
import { evidence } from './fleet/evidence.ts';
import { memberOf, requireLayout } from './fleet/layout.ts';
import { folderOption, nodesOption, showProgress } from './fleet/options.ts';
import { type Stopped, stop } from './fleet/processes.ts';
import { publishCommands } from './fleet/publish.ts';
import { shares } from './fleet/shares.ts';
import { type FleetStatus, fleetStatus, type MemberStatus } from './fleet/status.ts';
import { type Cell, print, printJson, printTable, say } from './report.ts';

interface Common {
  readonly dir: string;
  readonly json?: true;
}

export function fleetCommands(): Command {
  const group = new Command('fleet').description(
    "Publish an operator's fleets; or a fleet on this machine, with SoftHSM for security modules: it protects nothing",
  );
  const command = (name: string, description: string): Command =>
    group.command(name).description(description).addOption(folderOption()).option('--json', 'print JSON');

  command('up', 'make the fleet if there is none, start what does not run, wait until all are ready')
    .addOption(nodesOption())
    .option('--pinned', 'a new fleet without a log: people are given the fleet entry in a file')
    .action(async ({ nodes, dir, json, pinned }: Common & { nodes?: number; pinned?: true }) => {
      const mode = pinned ? 'pinned' : 'over-the-air';
      showStatus(await bringUp(resolve(dir), { size: nodes, mode, report: showProgress, say }), json);
    });
  command('down', 'stop everything; the fleet stays as it is and can come up again').action(async ({ dir, json }: Common) => {
    showStopped(await takeDown(resolve(dir)), json);
  });
  command('status', 'what runs, what is ready, and what each node says of itself').action(async ({ dir, json }: Common) => {
    showStatus(await fleetStatus(requireLayout(resolve(dir))), json);
  });
  group.addCommand(shares());
  group.addCommand(evidence());
  for (const one of publishCommands()) group.addCommand(one);
  command('start', 'start one of its programs')
    .argument('<name>', 'node-1, node-2, ..., accounts, witness or third-party')
    .action(async (name: string, { dir, json }: Common) => {
      const layout = requireLayout(resolve(dir));
      showStatus(await startOne(layout, memberOf(layout, name)), json);
    });
  command('stop', 'stop one of its programs')
    .argument('<name>', 'node-1, node-2, ..., accounts, witness or third-party')
    .option('--kill', 'without asking it, as a power cut would')
    .action(async (name: string, { dir, json, kill }: Common & { kill?: true }) => {
      const layout = requireLayout(resolve(dir));
      showStopped(new Map([[name, await stop(memberOf(layout, name), kill)]]), json);
    });
  return group.addHelpText(
    'after',
    `
Examples:
  holdfast fleet up                      5 nodes in .holdfast
  holdfast fleet up --nodes 3 --pinned --dir /tmp/fleet
  holdfast fleet status --json
  holdfast fleet shares
  holdfast fleet stop node-2 --kill      and see the others go on
  holdfast fleet start node-2
  holdfast fleet down
  holdfast fleet publish --config operator.json
  holdfast fleet evidence --publish /srv/www/evidence --config operator.json`,
  );
}

/** What a node says that is up and does not vote. */
const HINTS: Readonly<Record<string, string>> = {
  quarantined: 'its token was rolled back: it answers certified attempts, and votes only on what was registered since',
  starting: 'it votes once enough others that vote, or all others, have told it what they know of its token: start them',
};

function showStatus(status: FleetStatus, json: true | undefined): void {
  for (const { name, standing } of status.members) {
    const hint = standing === undefined ? undefined : HINTS[standing];
    if (hint !== undefined) say(`note: ${name} is ${standing}: ${hint}`);
  }
  if (json) {
    printJson(status);
    return;
  }
  printTable(['NAME', 'PROCESS', 'READY', 'STANDING', 'SEQUENCE', 'IN REACH', 'CODE', 'ADDRESS'], status.members.map(row));
  const pinned =
    status.rootFile === undefined ? `Fleet entry for clients: ${status.entryFile}` : `Root for clients:        ${status.rootFile}`;
  say(`${pinned}\nTheir TLS authority:     ${status.authorityFile}`);
}

function row({ name, pid, ready, why, standing, sequence, inReach, quorum, measurement, url }: MemberStatus): Cell[] {
  return [
    { text: name },
    pid === undefined ? { text: 'down', colour: 'red' } : { text: `${pid}` },
    ready ? { text: 'yes', colour: 'green' } : { text: 'no', colour: 'red' },
    { text: standing ?? '-', ...(standing === 'quarantined' && { colour: 'red' as const }) },
    { text: sequence ?? '-' },
    { text: inReach === undefined ? '-' : `${inReach}, needs ${quorum}` },
    codeCell(measurement),
    { text: pid !== undefined && why !== undefined ? `${url} (${why})` : url },
  ];
}

/** What a node says of itself: for comparing, not proof. */
function codeCell(measurement: string | undefined): Cell {
  if (measurement === undefined) return { text: '-' };
  return measurement === NO_ID ? { text: 'DEVELOPMENT', colour: 'yellow' } : { text: measurement.slice(0, 12) };
}

function showStopped(stopped: ReadonlyMap<string, Stopped>, json: true | undefined): void {
  if (json) printJson(Object.fromEntries(stopped));
  else for (const [name, how] of stopped) print(`${name}: ${how}`);
}
