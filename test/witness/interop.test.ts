/**
 * A running witness against an implementation that nobody here wrote: Go's sumdb/note and sumdb/tlog read its log over HTTPS,
 * prove every entry and every earlier tree; and a log of Go's own has its checkpoints cosigned.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toBase64 } from '../../src/base/base64.ts';
import type { Vkey } from '../../src/log/vkey.ts';
import { LogSite } from './log-site.ts';
import { start } from './site.ts';

let at: LogSite;
let folder = '';
let program = '';
let own: { readonly Skey: string; readonly Vkey: string };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-go-'));
  program = join(folder, 'interop');
  // Debian's packages are a GOPATH; nothing is fetched.
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(folder, 'cache'), GOFLAGS: '' };
  execFileSync('go', ['build', '-o', program, join(import.meta.dirname, 'interop/main.go')], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  own = JSON.parse(execFileSync(program, ['key'], { encoding: 'utf8' }));
  at = await LogSite.make();
  await at.third.stop();
  const config = JSON.parse(readFileSync(at.site.path('third', 'witness.json'), 'utf8'));
  const port = Number(new URL(at.third.url).port);
  const witnessed = [...config.witnessed, { vkey: own.Vkey }];
  at.site.write('third/witness.json', JSON.stringify({ ...config, witnessed, public: { ...config.public, port } }));
  at.third = await start(at.site, 'third');
  await at.startKeeper();
  for (let i = 0; i < 5; i += 1) await at.admit();
  expect((await at.countersign()).status).toBe(200);
}, 600_000);
afterAll(async () => {
  await at?.close();
  rmSync(folder, { recursive: true, force: true });
});

const spell = ({ name, keyId, key }: Vkey) => ({ Name: name, KeyId: Number.parseInt(keyId, 16), Key: toBase64(key) });

it('Go reads the log, proves all of it, and has its own log cosigned', () => {
  const { log, witness, operator, third } = at.vkeys;
  const input = JSON.stringify({
    Url: at.keeper.url,
    Authority: readFileSync(at.site.path('ca.pem'), 'utf8'),
    Vkey: log.text,
    Cosigners: [witness, operator, third].map(spell),
    Skey: own.Skey,
    Witness: spell(third),
    Third: at.third.url,
  });
  const go = JSON.parse(execFileSync(program, { input, encoding: 'utf8', maxBuffer: 2 ** 26 }));
  expect(go.Size).toBe(5);
  expect(go.Signers.sort()).toEqual([log, witness, operator, third].map(({ name }) => name).sort());
  expect(go.Entries).toEqual(at.world.leaves.map(({ text }) => text));
  expect(go.Earlier).toBe(5);
  expect(go.Cosigned).toEqual([1, 7, 8, 40]);
});
