/** Opens a log and submits an entry, and dies at the given step as if the power had gone: FOLDER STEP FILE_WITH_ENTRY. */
import { readFileSync, writeSync } from 'node:fs';
import { World } from '../trust/world.ts';
import { openSoftwareLog } from './software-log.ts';

const [folder = '', dieAt = '', file = ''] = process.argv.slice(2);
let steps = 0;
const log = await openSoftwareLog(new World(), folder, (what) => {
  steps += 1;
  if (steps !== Number(dieAt)) return;
  writeSync(1, `${what}\n`);
  process.kill(process.pid, 'SIGKILL');
});
const submitted = await log.submit(readFileSync(file, 'utf8'));
process.stdout.write('index' in submitted ? 'admitted\n' : `refused ${submitted.failed.item}\n`);
