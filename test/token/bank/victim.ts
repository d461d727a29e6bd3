/**
 * A process to be killed: opens the counter bank of the token that SOFTHSM2_CONF names, commits in rounds, folds, and writes
 * every acknowledged round to standard output. Kills itself before its n-th writing call when told to (`victim.ts label n`).
 */
import { writeSync } from 'node:fs';
import { Secret } from '../../../src/base/secret.ts';
import { NEW_COUNTERS } from '../../../src/quorum/counters.ts';
import { Bank } from '../../../src/token/bank/bank.ts';
import { TokenShelf } from '../../../src/token/bank/shelf.ts';
import { Module } from '../../../src/token/pkcs11.ts';
import { PIN, SOFTHSM } from '../softhsm.ts';
import { BANK_OPTIONS, SLOTS } from './rounds.ts';

const [label = '', killBefore = '0', rounds = '0', from = '0'] = process.argv.slice(2);
let writes = 0;
const module = new Module(SOFTHSM, undefined, (call) => {
  if (call !== 'C_CreateObject' && call !== 'C_DestroyObject') return;
  writes += 1;
  if (writes === Number(killBefore)) process.kill(process.pid, 'SIGKILL');
});
const session = module.openSession(module.findToken(label), new Secret(PIN));
const bank = new Bank(new TokenShelf(session), BANK_OPTIONS);
for (let round = Number(from) + 1; round <= Number(from) + Number(rounds); round += 1) {
  const results = bank.commit(SLOTS.map((slot) => ({ slot, counters: { ...NEW_COUNTERS, voted: round } })));
  if (results.some((result) => typeof result !== 'bigint')) throw new Error('a commit was refused');
  writeSync(1, `${round} ${bank.state.sequence}\n`);
  bank.foldSome();
}
writeSync(1, `end ${writes}\n`);
