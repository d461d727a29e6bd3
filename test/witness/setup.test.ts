/** Before a witness starts for the first time: keys are made once, and a record that was lost is never begun anew. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'undici';
import { afterAll, expect, it, vi } from 'vitest';
import { parseVkey } from '../../src/log/vkey.ts';
import { MAIN } from '../cli/holdfast.ts';
import { PIN, SOFTHSM } from '../token/softhsm.ts';
import { addWitness, certify, environmentOf, makeSite, setUp, start } from './site.ts';

vi.setConfig({ testTimeout: 300_000 });
const site = makeSite();
afterAll(site.remove);
const LOG = {
  origin: 'log.example/one',
  rootsDir: 'roots',
  operator: { host: '127.0.0.1', port: 0, clients: ['0'.repeat(64)] },
};

it('makes each key once, and tells the same again', () => {
  addWitness(site, 'whole', { name: 'witness.example/w', log: LOG });
  const made = setUp(site, 'whole');
  expect(parseVkey(made.witness)).toMatchObject({ name: 'witness.example/w', type: 4 });
  expect(parseVkey(made.log!)).toMatchObject({ name: 'log.example/one', type: 1 });
  expect(setUp(site, 'whole')).toEqual(made);
  expect(JSON.parse(readFileSync(site.path('whole', 'data', 'log', 'decided.json'), 'utf8'))).toMatchObject({ size: 0 });
});

it('makes no key of a log for a witness that keeps none', () => {
  addWitness(site, 'cosigner', { name: 'third.example' });
  expect(setUp(site, 'cosigner')).not.toHaveProperty('log');
});

it('refuses to begin anew where the token has keys and the record is gone', () => {
  addWitness(site, 'lost', { name: 'witness.example/w', log: LOG });
  setUp(site, 'lost');
  rmSync(site.path('lost', 'data', 'log'), { recursive: true });
  expect(() => setUp(site, 'lost')).toThrow(/the key of the log already/);
  rmSync(site.path('lost', 'data'), { recursive: true });
  expect(() => setUp(site, 'lost')).toThrow(/the key of the witness already/);
});

it('takes the PIN from a descriptor too, as a node does', () => {
  const token = { module: SOFTHSM, label: 'piped', pin: { fd: 0 } };
  const config = addWitness(site, 'piped', { name: 'witness.example/w', token });
  const args = [MAIN, 'witness', 'setup', '--config', config, '--json'];
  const run = (input: string) =>
    execFileSync(process.execPath, args, { env: environmentOf(site, 'piped'), input, encoding: 'utf8', stdio: 'pipe' });
  expect(() => run('')).toThrow(/token.pin.fd: file descriptor 0 is empty/);
  expect(JSON.parse(run(`${PIN}\n`))).toMatchObject({ witness: expect.stringContaining('witness.example/w') });
});

it('keeps the TLS key in a token of its own, where one is configured', async () => {
  const tls = { host: '127.0.0.1', port: 0, tlsCertificateFile: 'tls.pem', tlsToken: { label: 'tls', pinFile: 'pin' } };
  addWitness(site, 'careful', { name: 'witness.example/w', public: tls });
  const args = ['--init-token', '--free', '--label', 'tls', '--pin', PIN, '--so-pin', '12345678'];
  execFileSync('softhsm2-util', args, { env: environmentOf(site, 'careful'), stdio: 'pipe' });
  const made = setUp(site, 'careful');
  expect(setUp(site, 'careful')).toEqual(made);
  const agent = new Agent({ connect: { ca: await certify(site, { careful: made }) } });
  const running = await start(site, 'careful');
  const { statusCode, body } = await request(`${running.url}/ready`, { dispatcher: agent });
  await body.dump();
  expect(statusCode).toBe(200);
  await agent.close();
  expect(await running.stop()).toBe(0);
});
