/** Somebody writes to a node's disk. It costs that node a catch-up, and nobody a guess. */
import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { NO_ID, utf8 } from '../../src/base/bytes.ts';
import { systemRandom } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { dealRegistration } from '../../src/client/open.ts';
import type { SlotRecord } from '../../src/quorum/record.ts';
import { encodeRow } from '../../src/store/row.ts';
import { parseRegistration } from '../../src/vault/registration.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { TestFleet } from './fleet.ts';
import { Person, POLICY } from './person.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.make({ lockDelayMs: 60_000 });
  for (const node of [0, 1, 2]) await vi.waitFor(async () => expect((await fleet.service(node).health()).standing).toBe('voting'), soon);
});
afterAll(() => fleet.close());

const secret = new Uint8Array(randomBytes(32));
const soon = { timeout: 8_000, interval: 50 };
const opened = { kind: 'opened', opened: { secret } };

/** Puts a record into a node's database, over the one that is there. */
function overwrite(node: number, person: Person, record: SlotRecord): void {
  const database = new DatabaseSync(fleet.storeFile(node));
  const { proof, own } = encodeRow(record);
  const { changes } = database
    .prepare('UPDATE slots SET proof = ?, own = ? WHERE slot = ?')
    .run(proof, own, Buffer.from(person.slot, 'hex'));
  database.close();
  expect(changes).toBe(1);
}

async function held(node: number, person: Person): Promise<SlotRecord & Required<Pick<SlotRecord, 'standing'>>> {
  return vi.waitFor(async () => {
    const record = await fleet.store(node).load(person.slot);
    if (record?.standing === undefined) throw new Error('not there yet');
    return { ...record, standing: record.standing };
  }, soon);
}

test("a registration with the intruder's unlock key is not in force, whatever the disk says", async () => {
  const ada = await Person.of(fleet, 'ada');
  await ada.deposit('135790', secret);
  const record = await held(2, ada);
  const mine = {
    secret: new Secret(secret),
    input: new Secret(utf8('000000')),
    policy: POLICY,
    kdf: { kind: 'argon2id', memoryKiB: 8192, passes: 1, parallelism: 1 },
  } as const;
  const { registration } = await dealRegistration(fleet.fleet, ada.place, 1, mine, {
    random: systemRandom,
    argon2id: () => new Uint8Array(32),
  });
  overwrite(2, ada, { ...record, standing: { ...record.standing, registration } });
  const said = await fleet.service(2).member.ask({ op: 'status', ...(await ada.authorised('status')) });
  if ('refused' in said) return expect.fail(said.message);
  // A peer's feed may have healed it already.
  const { digest } = parseRegistration(record.standing.registration, fleet.fleet);
  expect([NO_ID, digest]).toContain(decodeMessage('node/status', said.bytes).digest);
  expect(fleet.traces).toContainEqual(expect.objectContaining({ node: 2, what: 'store-not-believed' }));
  // The next guess that comes by brings the true one.
  fleet.cut(1);
  expect(await ada.recover('135790')).toMatchObject(opened);
  fleet.join(1);
  expect((await held(2, ada)).standing.registration).toEqual(record.standing.registration);
});

test("another slot's registration is not in force in this one", async () => {
  const [bob, eve] = [await Person.of(fleet, 'bob'), await Person.of(fleet, 'eve')];
  await bob.deposit('135790', secret);
  await eve.deposit('000000', new Uint8Array(32));
  const [his, hers] = [await held(2, bob), await held(2, eve)];
  overwrite(2, eve, { ...hers, standing: his.standing });
  expect((await fleet.service(2).member.proofOf(eve.slot))?.standing).toBeUndefined();
});

test("what does not verify in a peer's feed is skipped, and the rest is learnt", async () => {
  const [fay, gil] = [await Person.of(fleet, 'fay'), await Person.of(fleet, 'gil')];
  await fay.deposit('135790', secret);
  const record = await held(0, fay);
  fleet.cut(2);
  await gil.deposit('135790', secret);
  await fleet.stop(2);
  const [vote, ...votes] = record.standing.votes;
  const forged = { ...vote!, signature: vote!.signature.map((byte, i) => (i === 9 ? byte ^ 1 : byte)) };
  for (const node of [0, 1]) overwrite(node, fay, { ...record, standing: { ...record.standing, votes: [forged, ...votes] } });
  fleet.forgetStore(2);
  fleet.traces.length = 0;
  fleet.join(2);
  await fleet.start(2);
  await held(2, gil);
  await vi.waitFor(() => expect(fleet.traces).toContainEqual(expect.objectContaining({ node: 2, what: 'proof-refused' })), soon);
  const head = (await fleet.store(0).changesAfter(0, 1)).head;
  await vi.waitFor(async () => expect(await fleet.store(2).cursor(fleet.idOf(0))).toBe(head), soon);
  expect((await fleet.store(2).load(fay.slot))?.standing).toBeUndefined();
});
