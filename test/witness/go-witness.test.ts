/**
 * Another witness is asked for its cosignatures as third parties are: one in Go that shares no code with ours, by
 * c2sp.org/tlog-witness. (Ours is asked by Go in interop.test.ts.)
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cosignatureTime } from '../../src/log/cosignature.ts';
import { parseNote } from '../../src/log/note.ts';
import { parseVkey, type Vkey } from '../../src/log/vkey.ts';
import { ThirdParties } from '../../src/witness/third-parties.ts';
import { World } from '../trust/world.ts';

const world = new World();
const folder = mkdtempSync(join(tmpdir(), 'holdfast-go-witness-'));
const traced: string[] = [];
const trace = {
  info: () => undefined,
  warn: (fields: object, words: string) => void traced.push(`${words} ${JSON.stringify(fields)}`),
  error: (_: object, words: string) => void traced.push(words),
};
let witness: ChildProcess;
let vkey: Vkey;
let url = '';

beforeAll(async () => {
  const program = join(folder, 'witness');
  // Debian's packages are a GOPATH; nothing is fetched.
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(folder, 'cache'), GOFLAGS: '' };
  execFileSync('go', ['build', '-o', program, join(import.meta.dirname, 'interop/witness/main.go')], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  witness = spawn(program, [world.log.vkey.text], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(witness.stdout!, 'data')) as [Buffer];
  const said = JSON.parse(line.toString()) as { Vkey: string; Url: string };
  vkey = parseVkey(said.Vkey);
  url = said.Url;
}, 600_000);
afterAll(() => {
  witness?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** As whoever keeps the log asks: anew, or going on. @returns how many cosignatures came, each over this very tree */
async function ask(parties = fresh(), log = world): Promise<number> {
  traced.length = 0;
  const checkpoint = await log.checkpoint();
  const { text } = parseNote(checkpoint);
  const lines = await parties.cosign({ text, checkpoint, size: log.tree.size, read: log.tree.read });
  for (const line of lines) expect(cosignatureTime({ text, signatures: [line] }, vkey)).toBeGreaterThan(Date.now() / 1000 - 600);
  return lines.length;
}
const all: ThirdParties[] = [];
function fresh(): ThirdParties {
  all.push(new ThirdParties([{ vkey, url, authority: undefined }], 60_000, trace));
  return all.at(-1)!;
}
afterAll(() => Promise.all(all.map((one) => one.close())));

it('cosigns our log from its beginning, as it grows by any number of entries, and again when it does not', async () => {
  const parties = fresh();
  for (const more of [1, 0, 1, 2, 3, 10]) {
    for (let i = 0; i < more; i += 1) await world.publish();
    expect([world.tree.size, await ask(parties), traced]).toEqual([world.tree.size, 1, []]);
  }
});

it('says where it is to whoever does not know, and then cosigns', async () => {
  await world.publish();
  expect([await ask(), traced]).toEqual([1, []]);
});

it('does not cosign a log that shows it another past, one that went back, or one of another key; and each is told', async () => {
  const another = new World();
  for (let i = 0; i < world.tree.size + 1; i += 1) await another.publish({ validUntil: '2026-12-24T00:00:00Z' });
  expect([await ask(fresh(), another), traced]).toEqual([0, [expect.stringContaining('"status":422')]]);
  const back = new World();
  await back.publish();
  expect([await ask(fresh(), back), traced]).toEqual([0, [expect.stringContaining('a third party cosigned a larger tree of this log')]]);
  const text = (await world.checkpoint({ log: world.release[0]!, origin: world.log.vkey.name })) as string;
  const lines = await fresh().cosign({ text: parseNote(text).text, checkpoint: text, size: world.tree.size, read: world.tree.read });
  expect([lines, traced.at(-1)]).toEqual([[], expect.stringContaining('"status":403')]);
});
