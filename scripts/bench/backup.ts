/** How fast a backup is made and restored, beside Debian's `age` and beside the bare cipher of node:crypto, on one file. */
import { execFile } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { ARCHIVE_FILE, archive } from '../../src/backup/archive.ts';
import { identityOf, recipientOf } from '../../src/backup/key.ts';
import { restore } from '../../src/backup/restore.ts';
import { Secret } from '../../src/base/secret.ts';
import { temporaryFolder } from './closing.ts';
import { report, round, tell } from './report.ts';

const run = promisify(execFile);
const MIB = 2 ** 20;
const CHUNK_BYTES = 65_536;
const TURNS = 3;

/** Writes, reads and writes the same number of bytes as the others, with the one cipher and nothing around it. */
async function bareCipher(from: string, to: string): Promise<void> {
  const key = randomBytes(32);
  let counter = 0;
  await pipeline(
    createReadStream(from, { highWaterMark: MIB }),
    async function* (source: AsyncIterable<Buffer>) {
      for await (const block of source) {
        const parts: Buffer[] = [];
        for (let at = 0; at < block.length; at += CHUNK_BYTES) {
          const nonce = Buffer.alloc(12);
          nonce.writeUInt32BE(counter++);
          const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
          parts.push(cipher.update(block.subarray(at, at + CHUNK_BYTES)));
          cipher.final();
          parts.push(cipher.getAuthTag());
        }
        yield Buffer.concat(parts);
      }
    },
    createWriteStream(to),
  );
}

async function fastest(work: () => Promise<unknown>, undo: () => void): Promise<number> {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < TURNS; turn += 1) {
    undo();
    const beganMs = performance.now();
    await work();
    bestMs = Math.min(bestMs, performance.now() - beganMs);
  }
  return bestMs;
}

export async function backup(sizeMiB: number): Promise<void> {
  tell(`a backup of ${sizeMiB} MiB`);
  const { folder, remove } = temporaryFolder();
  const at = (...path: string[]) => join(folder, ...path);
  try {
    mkdirSync(at('source'));
    const block = randomBytes(MIB);
    for (let i = 0; i < sizeMiB; i += 1) writeFileSync(at('source', 'file'), block, { flag: 'a' });
    const key = new Secret(new Uint8Array(randomBytes(32)));
    const recipient = await recipientOf(key);
    writeFileSync(at('key'), `${identityOf(key).reveal()}\n`, { mode: 0o600 });
    const gone = (name: string) => () => rmSync(at(name), { recursive: true, force: true });
    const nothing = () => undefined;
    const ms = {
      holdfast: await fastest(() => archive(at('source'), recipient, at('store'), nothing), gone('store')),
      age: await fastest(() => run('age', ['-r', recipient, '-o', at('age'), at('source', 'file')]), gone('age')),
      ageSynced: await fastest(
        () => run('age', ['-r', recipient, '-o', at('age'), at('source', 'file')]).then(() => run('sync', [at('age')])),
        gone('age'),
      ),
      bareCipher: await fastest(() => bareCipher(at('source', 'file'), at('bare')), gone('bare')),
      holdfastRestore: await fastest(() => restore(at('store'), key, at('back'), nothing), gone('back')),
      ageRestore: await fastest(() => run('age', ['-d', '-i', at('key'), '-o', at('plain'), at('store', ARCHIVE_FILE)]), gone('plain')),
    };
    const mibPerSecond = Object.fromEntries(Object.entries(ms).map(([name, spent]) => [name, round((1000 * sizeMiB) / spent)]));
    report('backup', {
      sizeMiB,
      turns: TURNS,
      mibPerSecond,
      ofAge: round(ms.age / ms.holdfast),
      // A backup is told to be there only when it is on the disk.
      ofAgeSynced: round(ms.ageSynced / ms.holdfast),
      ofBareCipher: round(ms.bareCipher / ms.holdfast),
      restoreOfAge: round(ms.ageRestore / ms.holdfastRestore),
    });
  } finally {
    await remove();
  }
}
