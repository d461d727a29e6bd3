/** Collecting cosignatures: what third parties may answer, and that one that lies, hangs or is gone costs its own line only. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cosign, cosignatureTime } from '../../src/log/cosignature.ts';
import { formatSignatureLine, parseNote } from '../../src/log/note.ts';
import { parseAddCheckpoint } from '../../src/witness/add-checkpoint.ts';
import { ThirdParties } from '../../src/witness/third-parties.ts';
import { cosignatureKey } from '../log/keys.ts';
import { World } from '../trust/world.ts';

const world = new World();
const key = cosignatureKey('third.example.net');
const traced: string[] = [];
const trace = {
  info: () => undefined,
  warn: (_: object, words: string) => void traced.push(words),
  error: (_: object, words: string) => void traced.push(words),
};

interface Answer {
  readonly status: number;
  readonly body: string;
}
/** What the third party does with a request: nothing, never to answer. */
let answering: (body: string) => Promise<Answer | undefined>;
const asked: number[] = [];
const server = createServer(async (request, response) => {
  const body = (await request.toArray()).join('');
  asked.push(parseAddCheckpoint(body).old);
  const answer = await answering(body);
  if (answer !== undefined) response.writeHead(answer.status).end(answer.body);
});
let url = '';
beforeAll(async () => {
  for (let i = 0; i < 5; i += 1) await world.publish();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix/`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

/** As a witness that has cosigned `size` leaves of this log before. */
const honest = (size: number) => async (body: string) => {
  const { old, note } = parseAddCheckpoint(body);
  if (old !== size) return { status: 409, body: `${size}\n` };
  const other = cosignatureKey('someone.else');
  const lines = [await cosign(note.text, other.vkey, 1000, other.sign), await cosign(note.text, key.vkey, 1000, key.sign)];
  return { status: 200, body: lines.map((line) => `${formatSignatureLine(line)}\n`).join('') };
};

async function collect(how: typeof answering, limitMs = 30_000) {
  answering = how;
  traced.length = 0;
  asked.length = 0;
  const parties = new ThirdParties([{ vkey: key.vkey, url, authority: undefined }], limitMs, trace);
  const checkpoint = await world.checkpoint();
  const { text } = parseNote(checkpoint);
  const lines = await parties.cosign({ text, checkpoint, size: world.tree.size, read: world.tree.read });
  await parties.close();
  return { lines, text };
}

it('takes the line of the key that is configured, and no other', async () => {
  const { lines, text } = await collect(honest(0));
  expect(lines).toHaveLength(1);
  expect(cosignatureTime({ text, signatures: lines }, key.vkey)).toBe(1000);
});

it('proves from the tree that the third party names', async () => {
  expect((await collect(honest(3))).lines).toHaveLength(1);
  expect(asked).toEqual([0, 3]);
});

it('tells as an error that a third party saw a larger tree: this log may have been put back', async () => {
  expect((await collect(honest(99))).lines).toEqual([]);
  expect(traced).toEqual(['a third party cosigned a larger tree of this log']);
  expect(asked).toEqual([0]);
});

it.each<[string, typeof answering, number?]>([
  ['refuses', async () => ({ status: 403, body: 'no' })],
  ['answers 409 again and again', async () => ({ status: 409, body: '2\n' })],
  ['answers 409 with no size', async () => ({ status: 409, body: 'two' })],
  ['answers nothing of use', async () => ({ status: 200, body: 'thank you\n' })],
  ['answers too much', async () => ({ status: 200, body: 'x'.repeat(1_000_000) })],
  [
    'signs another checkpoint',
    async () => ({ status: 200, body: `${formatSignatureLine(await cosign('other\n', key.vkey, 1000, key.sign))}\n` }),
  ],
  ['never answers', async () => undefined, 300],
])('goes on without one that %s', async (_, how, limitMs) => {
  expect((await collect(how, limitMs)).lines).toEqual([]);
  expect(traced).toEqual(['a third party did not cosign']);
});
