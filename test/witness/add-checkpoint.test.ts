/** c2sp.org/tlog-witness, "add-checkpoint", against a running witness on SoftHSM: every status, races, and what a restart remembers. */
import { createHash } from 'node:crypto';
import { cpSync, renameSync, rmSync } from 'node:fs';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseCheckpoint } from '../../src/log/checkpoint.ts';
import { cosignatureTime } from '../../src/log/cosignature.ts';
import { formatNote, parseNote } from '../../src/log/note.ts';
import { parseVkey, type Vkey } from '../../src/log/vkey.ts';
import { formatAddCheckpoint } from '../../src/witness/add-checkpoint.ts';
import { newLog } from './other-log.ts';
import { addWitness, certify, makeSite, type Running, setUp, start } from './site.ts';

/** Each start is a process of its own, on a machine that may be busy. */
const STARTS_MS = 300_000;
const site = makeSite();
const log = newLog('log.example/one');
const raced = newLog('log.example/raced');
let running: Running;
let agent: Agent;
let witness: Vkey;

beforeAll(async () => {
  addWitness(site, 'third', { name: 'third.example/w', witnessed: [{ vkey: log.vkey.text }, { vkey: raced.vkey.text }] });
  const keys = setUp(site, 'third');
  witness = parseVkey(keys.witness);
  agent = new Agent({ connect: { ca: await certify(site, { third: keys }) } });
  running = await start(site, 'third');
}, STARTS_MS);
afterAll(async () => {
  await running?.stop();
  await agent?.close();
  site.remove();
});

async function ask(body: string | Buffer, method: 'GET' | 'POST' = 'POST', path = '/add-checkpoint') {
  const {
    statusCode,
    headers,
    body: said,
  } = await request(`${running.url}${path}`, { method, dispatcher: agent, ...(method === 'POST' && { body }) });
  return { status: statusCode, type: String(headers['content-type']), text: await said.text() };
}
const monitored = (origin: string) => ask('', 'GET', `/${createHash('sha256').update(origin).digest('hex')}/checkpoint`);

/** The cosignature verifies over exactly this checkpoint. */
async function expectCosigned(answer: { status: number; text: string }, leaves: readonly string[], of = log) {
  expect(answer.status).toBe(200);
  expect(answer.text).toMatch(/^— third.example\/w [A-Za-z0-9+/=]+\n$/);
  const note = parseNote((await of.checkpoint(leaves)) + answer.text);
  expect(Math.abs(cosignatureTime(note, witness)! - Date.now() / 1000)).toBeLessThan(300);
}

const THREE = ['a', 'b', 'c'];
const FIVE = [...THREE, 'd', 'e'];

it('has nothing to show of a log that it never cosigned', async () => {
  expect((await monitored(log.origin)).status).toBe(404);
});

it('refuses with 404 a log that it does not know, with 403 a checkpoint that the log did not sign', async () => {
  const other = newLog('log.example/unknown');
  expect((await ask(await other.asking(THREE, 0))).status).toBe(404);
  const impostor = newLog(log.origin);
  expect((await ask(await impostor.asking(THREE, 0))).status).toBe(403);
  const { text, signatures } = parseNote(await log.checkpoint(THREE));
  const broken = signatures.map((one) => ({ ...one, signature: one.signature.map((byte, i) => (i === 9 ? byte ^ 1 : byte)) }));
  expect((await ask(formatAddCheckpoint(0, [], formatNote({ text, signatures: broken })))).status).toBe(403);
});

it('cosigns a first checkpoint, and shows it with both signatures to monitors', async () => {
  await expectCosigned(await ask(await log.asking(THREE, 0)), THREE);
  const { status, type, text } = await monitored(log.origin);
  expect([status, type]).toEqual([200, 'text/plain; charset=utf-8']);
  const note = parseNote(text);
  expect(parseCheckpoint(note.text).size).toBe(3);
  expect(note.signatures.map(({ name }) => name)).toEqual([log.origin, witness.name]);
});

it('answers 409 with the size, as its own type, to another old size', async () => {
  expect(await ask(await log.asking(FIVE, 0))).toEqual({ status: 409, type: 'text/x.tlog.size', text: '3\n' });
  expect(await ask(await log.asking(FIVE, 4))).toMatchObject({ status: 409, text: '3\n' });
});

it('refuses with 400 an old size above the checkpoint, and what is no such request', async () => {
  const body = await log.asking(FIVE, 5);
  expect((await ask(body.replace('old 5', 'old 6'))).status).toBe(400);
  for (const bad of ['', 'old 3', body.replace('old 5', 'old 05'), body.replace('old ', 'new '), `old 3\n${'A'.repeat(43)}=\n`.repeat(2)])
    expect((await ask(bad)).status, bad).toBe(400);
  const many = `old 3\n${`${'A'.repeat(43)}=\n`.repeat(64)}\n${await log.checkpoint(FIVE)}`;
  expect((await ask(many)).status).toBe(400);
  expect((await ask(Buffer.from([0x6f, 0xff, 0xfe]))).status).toBe(400);
  expect((await ask('x'.repeat(200_000))).status).toBe(413);
});

it('refuses with 422 another history, a proof that does not verify or is too long, and another tree of the same size', async () => {
  const forked = ['a', 'b', 'X', 'd', 'e'];
  expect((await ask(await log.asking(forked, 3))).status).toBe(422);
  const good = await log.asking(FIVE, 3);
  expect((await ask(good.replace('old 3\n', `old 3\n${'A'.repeat(43)}=\n`))).status).toBe(422);
  const split = await log.asking(['a', 'b', 'X'], 3);
  expect((await ask(split)).status).toBe(422);
  // What the log signed stays on record.
  expect(running.words()).toContain(JSON.stringify(split.split('\n\n').slice(1).join('\n\n')).slice(1, -1));
  const fresh = await raced.asking(THREE, 0);
  expect((await ask(fresh.replace('old 0\n', `old 0\n${'A'.repeat(43)}=\n`))).status).toBe(422);
});

it('cosigns the same tree again, and one that holds it', async () => {
  await expectCosigned(await ask(await log.asking(THREE, 3)), THREE);
  await expectCosigned(await ask(await log.asking(FIVE, 3)), FIVE);
  expect(await ask(await log.asking(THREE, 3))).toMatchObject({ status: 409, text: '5\n' });
});

it('lets one of many at a time through: of two histories one is cosigned, ever', async () => {
  const bodies = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      raced.asking(
        Array.from({ length: 1 + (i % 5) }, (_, at) => `${i % 2}-${at}`),
        0,
      ),
    ),
  );
  const answers = await Promise.all(bodies.map((body) => ask(body)));
  const won = answers.flatMap(({ status }, i) => (status === 200 ? [i] : []));
  expect(won).toHaveLength(1);
  const size = 1 + (won[0]! % 5);
  for (const [i, answer] of answers.entries()) if (i !== won[0]) expect(answer).toMatchObject({ status: 409, text: `${size}\n` });
});

it(
  'knows after a restart what it cosigned, also after one without warning',
  async () => {
    await running.kill();
    running = await start(site, 'third');
    expect(await ask(await log.asking(FIVE, 0))).toMatchObject({ status: 409, text: '5\n' });
    expect(await running.stop()).toBe(0);
    running = await start(site, 'third');
    expect((await ask(await log.asking(['a', 'b', 'c', 'd', 'X'], 5))).status).toBe(422);
    await expectCosigned(await ask(await log.asking([...FIVE, 'f'], 5)), [...FIVE, 'f']);
  },
  STARTS_MS,
);

it(
  'does not start on a folder that was put back: the token remembers what was cosigned last',
  async () => {
    await running.stop();
    const [data, older] = [site.path('third', 'data'), site.path('older')];
    cpSync(data, older, { recursive: true });
    running = await start(site, 'third');
    const SEVEN = [...FIVE, 'f', 'g'];
    await expectCosigned(await ask(await log.asking(SEVEN, 6)), SEVEN);
    await running.stop();
    const newest = site.path('newest');
    renameSync(data, newest);
    cpSync(older, data, { recursive: true });
    await expect(start(site, 'third')).rejects.toThrow(/the folder was put back.*recorded: 6, remembered: 7/s);
    // Nor on one from which the record alone was taken.
    rmSync(site.path('third', 'data', 'cosigned'), { recursive: true });
    await expect(start(site, 'third')).rejects.toThrow(/the folder was put back/);
    rmSync(data, { recursive: true });
    renameSync(newest, data);
    running = await start(site, 'third');
    expect(await ask(await log.asking(SEVEN, 6))).toMatchObject({ status: 409, text: '7\n' });
  },
  STARTS_MS,
);

it('tells when it is ready, and lets any page read', async () => {
  const { statusCode, headers, body } = await request(`${running.url}/ready`, {
    dispatcher: agent,
    headers: { origin: 'https://any.example' },
  });
  expect([statusCode, await body.json(), headers['access-control-allow-origin']]).toEqual([200, { ready: true }, '*']);
});

it(
  'runs once per folder',
  async () => {
    await expect(start(site, 'third')).rejects.toThrow(/another process works in/);
  },
  STARTS_MS,
);

it(
  'does not start over a folder that was not set up for its keys',
  async () => {
    addWitness(site, 'new', { name: 'new.example' });
    await expect(start(site, 'new')).rejects.toThrow(/is missing in the token/);
    await certify(site, { new: setUp(site, 'new') });
    site.write('new/data/mark.json', '{"type":"holdfast/witness/v2","keys":["another"]}');
    await expect(start(site, 'new')).rejects.toThrow(/belongs to other keys/);
  },
  STARTS_MS,
);

it(
  'cosigns one tree of a log that replaces its key, by either key, and never a second one',
  async () => {
    const next = newLog(log.origin);
    addWitness(site, 'two', { name: 'two.example', witnessed: [{ vkey: log.vkey.text }, { vkey: next.vkey.text }] });
    const keys = setUp(site, 'two');
    const two = new Agent({ connect: { ca: await certify(site, { two: keys }) } });
    const at = await start(site, 'two');
    const asked = async (body: string) => {
      const answer = await request(`${at.url}/add-checkpoint`, { method: 'POST', dispatcher: two, body });
      await answer.body.dump();
      return answer.statusCode;
    };
    expect(await asked(await log.asking(THREE, 0))).toBe(200);
    expect(await asked(await next.asking(FIVE, 3))).toBe(200);
    expect(await asked(await next.asking(['x', ...FIVE], 5))).toBe(422);
    expect(await asked(await log.asking(FIVE, 0))).toBe(409);
    expect(await asked(await newLog(log.origin).asking([...FIVE, 'f'], 5))).toBe(403);
    await at.stop();
    await two.close();
  },
  STARTS_MS,
);
