/** One node's token and store, filled by the node's own calls, then under the calls that votes and answers make of them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concatBytes, utf8 } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { SOFTHSM_MODULE } from '../../src/ceremony/places.ts';
import { PASSCODE } from '../../src/client/index.ts';
import { encodePoint, GENERATOR } from '../../src/oprf/point.ts';
import type { SlotRecord } from '../../src/quorum/record.ts';
import { openStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { createNodeKeys, openToken, type Token } from '../../src/token/index.ts';
import { type SealedShare, sealShare } from '../../src/vault/seal.ts';
import { slotId } from '../../src/vault/slot.ts';
import { publicKeyOf } from '../../src/vault/unlock.ts';
import { hash } from '../../src/wire/signed.ts';
import { serve } from './child.ts';
import { type Loaded, load } from './load.ts';
import { residentMiB } from './proc.ts';

export interface Filling {
  readonly folder: string;
  readonly slots: number;
  readonly pages: number;
}

export interface Filled {
  readonly fillSeconds: number;
  /** To prove the counters and to open the store, as at a node's start. */
  readonly startSeconds: number;
  readonly databaseMiB: number;
}

const PIN = '123456';
const BATCH = 1024;
/** As long as the real ones of a fleet of five; nothing here looks inside. */
const [REGISTRATION, STATEMENT, SIGNATURE] = [systemRandom(1400), systemRandom(250), systemRandom(64)];
const signed = { bytes: STATEMENT, signature: SIGNATURE };
const votes = [signed, signed, signed];

let slots = 0;
let token: Token;
let store: Store;
let share: { sealed: SealedShare; context: Uint8Array; publicShare: Uint8Array };

/** The `i`th person's, the same in every process. */
const placeOf = (i: number) => ({ tenant: 'bench', account: hash(utf8(`person ${i}`)), way: PASSCODE });
const recordOf = (i: number): SlotRecord => ({ place: placeOf(i), standing: { registration: REGISTRATION, votes, activation: signed } });

async function fill(): Promise<void> {
  const counters = { voted: 1, active: 1, tried: 0, cleared: 0, locked: false };
  for (let from = 0; from < slots; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, slots - from) }, (_, i) => placeOf(from + i));
    await Promise.all([
      // The token's queue takes as many as this at once.
      ...batch.map((place) => token.counters.commit(slotId(place), counters)),
      ...batch.map((place, i) => store.save(slotId(place), recordOf(from + i))),
    ]);
  }
}

async function open(folder: string): Promise<void> {
  token = await openToken({ module: SOFTHSM_MODULE, label: 'bench', pin: new Secret(PIN) });
  store = await openStore(join(folder, 'data'), () => undefined);
}

function makeToken(folder: string, pages: number): void {
  const tokens = join(folder, 'tokens');
  mkdirSync(tokens);
  writeFileSync(join(folder, 'softhsm2.conf'), `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  execFileSync('softhsm2-util', ['--init-token', '--free', '--label', 'bench', '--pin', PIN, '--so-pin', '12345678'], { stdio: 'pipe' });
  createNodeKeys({ module: SOFTHSM_MODULE, label: 'bench', pin: new Secret(PIN), pages });
}

function makeShare(): typeof share {
  const scalar = new Secret(systemRandom(32));
  const context = systemRandom(32);
  const sealed = sealShare({ share: scalar, sealingKey: token.sealingKey, context: () => context, random: systemRandom });
  return { sealed, context, publicShare: publicKeyOf(scalar) };
}

async function view(i: number) {
  const slot = slotId(placeOf(i));
  const [counters, record = recordOf(i)] = await Promise.all([token.counters.read(slot), store.load(slot)]);
  return { slot, counters, record };
}

async function vote(i: number): Promise<void> {
  const { slot, counters, record } = await view(i);
  const { account } = record.place;
  const attempt = counters.tried + 1;
  const sequence = await token.counters.commit(slot, { ...counters, tried: attempt });
  const signature = await token.sign(STATEMENT);
  const event = { account, slot, kind: 'guess', generation: 1, digest: account, attempt, time: Number(sequence & 0xffffn) } as const;
  await store.save(slot, { ...record, attemptVote: { bytes: STATEMENT, signature } }, { event });
}

async function answer(i: number): Promise<void> {
  const { slot, record } = await view(i);
  await store.save(slot, { ...record, attempt: { votes } });
  await token.evaluate(share.sealed, share.context, concatBytes(encodePoint(GENERATOR), encodePoint(GENERATOR)));
  await token.sign(STATEMENT);
}

serve({
  fill: async ({ folder, slots: wanted, pages }: Filling): Promise<Filled> => {
    slots = wanted;
    makeToken(folder, pages);
    await open(folder);
    const fillMs = performance.now();
    await fill();
    const filledMs = performance.now();
    await store.close();
    await token.close();
    const startMs = performance.now();
    await open(folder);
    const startedMs = performance.now();
    share = makeShare();
    return {
      fillSeconds: (filledMs - fillMs) / 1000,
      startSeconds: (startedMs - startMs) / 1000,
      databaseMiB: readdirSync(join(folder, 'data')).reduce((sum, name) => sum + statSync(join(folder, 'data', name)).size, 0) / 2 ** 20,
    };
  },
  run: async ({ inFlight, durationMs }: { inFlight: number; durationMs: number }): Promise<Loaded & { residentMiB: number }> => {
    const any = () => Math.floor(Math.random() * slots);
    const next = () => async () => {
      const i = any();
      await vote(i);
      await answer(i);
    };
    return { ...(await load(inFlight, next, durationMs)), residentMiB: residentMiB(process.pid) };
  },
  close: async () => {
    await store.close();
    await token.close();
  },
});
