/** A token that disappears is an expected state; one that comes back older, or gets a second owner, is not. */
import { createHash } from 'node:crypto';
import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Id, toHex } from '../../src/base/bytes.ts';
import { Secret } from '../../src/base/secret.ts';
import { NEW_COUNTERS } from '../../src/quorum/counters.ts';
import { createNodeKeys, openToken, type Token } from '../../src/token/index.ts';
import { makeSoftHsm } from './softhsm.ts';

const hsm = makeSoftHsm(['node']);
const config = { ...hsm.config('node'), deadlineMs: 2000 };
const slot = toHex(createHash('sha256').update('slot').digest()) as Id;
const opened: Token[] = [];
const open = async (): Promise<Token> => {
  const token = await openToken(config);
  opened.push(token);
  return token;
};
let voted = 0;
const vote = (token: Token) => {
  voted += 1;
  return token.counters.commit(slot, { ...NEW_COUNTERS, voted });
};

beforeAll(() => {
  createNodeKeys({ ...config, pages: 4 });
});
afterEach(async () => {
  for (const token of opened.splice(0)) await token.close();
});
afterAll(() => hsm.remove());

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a token that disappears', () => {
  it('fails calls while it is away, and works again when it is back, with all that it counted', async () => {
    const token = await open();
    const { foundSequence } = token.counters;
    const before = await vote(token);
    const folder = hsm.tokenFolder();
    const away = join(hsm.folder, 'away');
    renameSync(folder, away);
    await expect(token.counters.commit(slot, { ...NEW_COUNTERS, voted: voted + 1 })).rejects.toMatchObject({ code: 'token-unavailable' });
    await expect(token.sign(new Uint8Array(1))).rejects.toMatchObject({ code: 'token-unavailable' });
    expect(token.state).toBe('away');
    renameSync(away, folder);
    await until(() => token.state === 'up');
    expect(await token.counters.read(slot)).toEqual({ ...NEW_COUNTERS, voted });
    expect(await token.sign(new Uint8Array(1))).toHaveLength(64);
    expect(token.moduleRestarts).toBe(1);
    // A new start of the same token, that this process saw end: what was found at its own start stays what it was.
    expect(token.counters.sequence >> 32n).toBe((before >> 32n) + 1n);
    expect(token.counters.foundSequence).toBe(foundSequence);
    expect(await vote(token)).toBe(token.counters.sequence);
  }, 20_000);

  it('is not used any more when it comes back with older counters', async () => {
    const token = await open();
    const folder = hsm.tokenFolder();
    const older = join(hsm.folder, 'older');
    const newer = join(hsm.folder, 'newer');
    cpSync(folder, older, { recursive: true });
    await vote(token);
    renameSync(folder, newer);
    await expect(vote(token)).rejects.toMatchObject({ code: 'token-unavailable' });
    renameSync(older, folder);
    await until(() => token.state !== 'away');
    expect(token.state).toBe('dead');
    await expect(token.counters.read(slot)).rejects.toThrow(/older counters than this process has seen/);
    rmSync(folder, { recursive: true });
    renameSync(newer, folder);
  }, 20_000);
});

describe('a second owner', () => {
  it('takes the token; the first finds out before it says anything, and stops for good', async () => {
    const first = await open();
    await vote(first);
    const second = await open();
    await expect(first.counters.commit(slot, { ...NEW_COUNTERS, voted: voted + 1 })).rejects.toMatchObject({ code: 'alarm' });
    expect(first.state).toBe('dead');
    expect(await second.counters.read(slot)).toEqual({ ...NEW_COUNTERS, voted });
    expect(await vote(second)).toBe(second.counters.sequence);
  });
});

describe('a token that is not fit', () => {
  it('is refused at start by name', async () => {
    await expect(openToken({ ...config, label: 'nobody' })).rejects.toMatchObject({ code: 'token-unavailable' });
    await expect(openToken({ ...config, profile: 'nobody' })).rejects.toMatchObject({ code: 'configuration' });
    await expect(openToken({ ...config, pin: new Secret('000000') })).rejects.toMatchObject({ code: 'pin-refused' });
    await expect(openToken({ ...config, module: '/nowhere.so' })).rejects.toMatchObject({ code: 'configuration' });
  });
});
