/**
 * A whole first fleet on SoftHSM, with people: interrupted once, gone on with, and verified. The transcript it gives is then
 * tampered with in every way we could think of.
 */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conduct } from '../../src/ceremony/conduct.ts';
import { rehearsed } from '../../src/ceremony/rehearsal.ts';
import { bytesToSign } from '../../src/ceremony/signature.ts';
import { type Line, parseTranscript } from '../../src/ceremony/transcript.ts';
import { verifyTranscript } from '../../src/ceremony/verify.ts';
import { combineShares, readCards } from '../../src/custody/shares.ts';
import { exampleParameters, ScriptedRoom } from './room.ts';

const NODES = ['node-1', 'node-2', 'node-3'];
const room = new ScriptedRoom();
const parameters = rehearsed(exampleParameters('first-fleet'), room);
let folder = '';
let text = '';
let lines: Line[] = [];
let firstTry: unknown;

const read = (...parts: string[]) => readFileSync(join(folder, ...parts), 'utf8');
const perform = () => conduct({ kind: 'first-fleet', folder, parameters, room });
const line = (step: string) => lines.find((one) => one.step === step)!;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-first-fleet-'));
  room.refuse = /keys of node-1/;
  firstTry = await perform().catch((error: unknown) => error);
  room.excused = { by: { role: 'observer', name: 'Observer 1' }, text: 'a word was misheard, and was read again' };
  await perform();
  text = read('transcript.jsonl');
  ({ lines } = parseTranscript(text));
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a first fleet', () => {
  it('verifies, names who signed and every exception, and gives the entry', () => {
    const published = Object.fromEntries(['fleet-entry.json', ...NODES.map((node) => `${node}/tls.csr`)].map((file) => [file, read(file)]));
    const { signers, exceptions, entry, found } = verifyTranscript(text, published);
    expect(signers.map(({ name, role, signatures }) => [name, role, signatures])).toEqual([
      ['Operator', 'operator', 6],
      ['Observer 1', 'observer', 6],
      ['Observer 2', 'observer', 6],
    ]);
    expect(exceptions).toMatchObject([{ by: { name: 'Observer 1' }, text: 'a word was misheard, and was read again' }]);
    expect(entry?.fleets[0]?.nodes.map(({ name }) => name)).toEqual(NODES);
    expect(found).toEqual([]);
  });

  it('stopped when somebody said no, and did nothing twice when it went on', () => {
    expect(firstTry).toMatchObject({ code: 'not-confirmed', message: expect.stringContaining('Observer 1') });
    const steps = lines.map(({ step }) => step).filter((step) => !['signature', 'exception'].includes(step));
    expect(new Set(steps).size).toBe(steps.length);
    expect(lines.filter(({ found }) => found)).toEqual([]);
  });

  it('found every token never initialised, made it there, and found it empty', () => {
    for (const node of NODES) {
      expect(line(`${node}/fresh`).facts).toMatchObject({ initialised: false });
      expect(line(`${node}/token`).facts).toMatchObject({ objects: 0, profile: 'softhsm2', simulated: true });
    }
  });

  it('read every attribute of every key back', () => {
    for (const node of NODES) {
      for (const role of ['identity', 'sealing', 'tls', 'tags']) {
        expect(line(`${node}/${role}`).facts['attributes']).toEqual({
          TOKEN: true,
          PRIVATE: true,
          SENSITIVE: true,
          ALWAYS_SENSITIVE: true,
          EXTRACTABLE: false,
          NEVER_EXTRACTABLE: true,
          LOCAL: true,
          MODIFIABLE: false,
          COPYABLE: false,
          DESTROYABLE: true,
          ALLOWED_MECHANISMS: { identity: '0x1041', sealing: '0x1050', tls: '0x1041', tags: '0x251' }[role],
        });
      }
    }
  });

  it('showed every digest that is read aloud as 24 words, and had every observer compare them', () => {
    const aloud = room.shown.filter((shown) => shown.startsWith('Read aloud'));
    expect(aloud.map((shown) => shown.split('\n')[0])).toEqual(
      expect.arrayContaining(NODES.map((node) => `Read aloud: the digest of the keys of ${node}`)),
    );
    expect(
      aloud[0]
        ?.split('\n')
        .slice(2)
        .join(' ')
        .match(/[a-z]+/g),
    ).toHaveLength(24);
    expect(line('fleet/entry').who).toEqual(['Observer 1', 'Observer 2']);
  });

  it('leaves no PIN anywhere: not in a file, not in the transcript; no card in the clear; nothing that others can read', async () => {
    const shares = [...room.cardsOf.values()].flatMap(readCards);
    const files = (readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name));
    for (const token of NODES) {
      for (const kind of ['user', 'security officer']) {
        const pin = (await combineShares(shares.filter((share) => share.token === token && share.pin === kind))).reveal();
        expect(pin).toHaveLength(24);
        for (const file of files.filter((one) => statSync(one).isFile())) expect(readFileSync(file, 'latin1'), file).not.toContain(pin);
      }
    }
    expect(files.filter((file) => file.endsWith('.cards'))).toEqual([]);
    for (const file of files) expect(statSync(file).mode & 0o077, file).toBe(0);
  });

  it('run again, changes nothing', async () => {
    await perform();
    expect(read('transcript.jsonl')).toBe(text);
  });
});

describe('a transcript that was tampered with', () => {
  const refused = (changed: string) => {
    try {
      verifyTranscript(changed);
      return undefined;
    } catch (error) {
      return error as Error & { code: string; evidence: Record<string, unknown> };
    }
  };
  const all = () => text.trimEnd().split('\n');
  const joined = (some: readonly string[]) => `${some.join('\n')}\n`;

  it('is refused whatever bit of it was flipped', () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        expect(refused(changed.toString('latin1')), `byte ${at}, bit ${bit}`).toBeDefined();
      }),
      { numRuns: 400 },
    );
  });

  it('is refused whichever byte of its last line was changed: it is a signature, and covers itself', () => {
    const last = text.lastIndexOf('\n', text.length - 2) + 1;
    for (let at = last; at < text.length; at += 1) {
      const other = text[at] === 'A' ? 'B' : 'A';
      expect(refused(`${text.slice(0, at)}${other}${text.slice(at + 1)}`), `byte ${at - last} of it`).toBeDefined();
    }
  });

  it('names the line that was changed', () => {
    const at = lines.findIndex(({ step }) => step === 'node-2/sealing');
    const changed = all().with(at, all()[at]!.replace('"LOCAL":true', '"LOCAL":false'));
    expect(refused(joined(changed))).toMatchObject({
      code: 'malformed',
      message: expect.stringContaining(`line ${at + 1} was changed`),
      evidence: { line: at + 1 },
    });
  });

  it('names the place where lines were cut out, put in, or exchanged', () => {
    expect(refused(joined(all().toSpliced(4, 3)))).toMatchObject({
      message: expect.stringContaining('cut out'),
      evidence: { line: 5, missing: 3 },
    });
    expect(refused(joined(all().toSpliced(7, 0, all()[3]!)))).toMatchObject({
      message: expect.stringContaining('put in'),
      evidence: { line: 8 },
    });
    const exchanged = all().with(8, all()[9]!).with(9, all()[8]!);
    expect(refused(joined(exchanged))).toMatchObject({
      message: expect.stringContaining('exchanged'),
      evidence: { line: 9, elsewhere: 10 },
    });
  });

  it('is refused when it is cut after any line, and in any line', () => {
    for (let keep = 0; keep < lines.length; keep += 1) expect(refused(joined(all().slice(0, keep))), `after line ${keep}`).toBeDefined();
    expect(refused(text.slice(0, -1))).toMatchObject({ message: expect.stringContaining('was cut') });
    expect(refused(text.slice(0, 5000))).toBeDefined();
  });

  it('names a signature that is missing at the end, and a line after it', () => {
    expect(refused(joined(all().slice(0, -1)))).toMatchObject({
      code: 'not-signed',
      message: expect.stringContaining('Observer 2 did not sign'),
    });
    expect(refused(joined([...all(), all().at(-1)!]))).toMatchObject({ evidence: { line: lines.length + 1 } });
  });

  it('names a line of another transcript of the same plan', () => {
    const foreign = text.replaceAll('2026', '2027').split('\n');
    for (const at of [0, 5, 20])
      expect(refused(joined(all().with(at, foreign[at]!))), `line ${at + 1}`).toMatchObject({ code: 'malformed' });
  });

  /** As a ceremony of the same people and plan on another day would have written it: every line names the one before. */
  const anotherDay = (): string[] => {
    const made: string[] = [];
    for (const one of all()) {
      const previous = createHash('sha256')
        .update(made.at(-1) ?? '')
        .digest('hex');
      const line = JSON.parse(one.replaceAll('2026', '2027')) as Line;
      made.push(JSON.stringify(made.length === 0 ? line : { ...line, previous }));
    }
    return made;
  };

  it('names a foreign line, in place of one and put between two; its place, and not that of its neighbours', () => {
    const foreign = anotherDay();
    expect(() => parseTranscript(joined(foreign))).not.toThrow();
    for (const at of [1, 5, 20, all().length - 2]) {
      const evidence = { line: at + 1 };
      const inPlace = refused(joined(all().with(at, foreign[at]!)));
      expect([at, inPlace]).toEqual([
        at,
        expect.objectContaining({ evidence, message: expect.stringMatching(/is of another transcript/) }),
      ]);
      const between = refused(joined(all().toSpliced(at, 0, foreign[at]!)));
      expect([at, between]).toEqual([at, expect.objectContaining({ evidence, message: expect.stringMatching(/was put in/) })]);
    }
    expect(refused(joined(all().with(0, foreign[0]!)))).toMatchObject({
      evidence: { line: 1 },
      message: expect.stringMatching(/line 1 was changed/),
    });
    // The last has nothing after it that could say which of the two it is.
    const last = all().length;
    expect(refused(joined(all().with(last - 1, foreign[last - 1]!)))?.message).toMatch(
      new RegExp(`line ${last - 1} was changed, or line ${last} is of another transcript`),
    );
  });

  it('names a line that stands there twice, also once the chain was made anew; a line changed with the whole chain is not signed', () => {
    const renewed = (some: readonly string[]): string => {
      const made: string[] = [];
      for (const [i, one] of some.entries()) {
        const previous =
          i === 0
            ? (JSON.parse(one) as Line).previous
            : createHash('sha256')
                .update(made[i - 1]!)
                .digest('hex');
        made.push(JSON.stringify({ ...(JSON.parse(one) as Line), sequence: i + 1, previous }));
      }
      return joined(made);
    };
    expect(renewed(all())).toBe(text);
    expect(refused(joined(all().toSpliced(9, 0, all()[8]!)))).toMatchObject({
      evidence: { line: 10 },
      message: expect.stringMatching(/put in/),
    });
    const at = lines.findIndex(({ step }) => step === 'node-2/sealing');
    expect(refused(renewed(all().toSpliced(at, 0, all()[at]!)))).toMatchObject({ evidence: { line: at + 2, step: 'node-2/sealing' } });
    const changed = all().with(at, all()[at]!.replace(/"time":"2026/, '"time":"2027'));
    const next = lines.findIndex(({ step }, i) => i > at && step === 'signature');
    expect(refused(renewed(changed))).toMatchObject({ code: 'not-signed', evidence: { line: next + 1 } });
  });

  it('names a signature by a foreign key, also where it verifies', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const at = lines.findIndex(({ step, who }) => step === 'signature' && who?.[0] === 'Observer 1');
    const { sequence, previous, time, role } = lines[at]!;
    const bytes = bytesToSign({ sequence, previous, time, role, name: 'Observer 1' });
    const key = publicKey.export({ format: 'jwk' }).x;
    const signature = sign(null, bytes, privateKey).toString('base64url');
    const resigned = JSON.stringify({ ...lines[at]!, facts: { key, signature } });
    const cut = joined([...all().slice(0, at), resigned]);
    expect(() => parseTranscript(cut)).not.toThrow();
    const rest = joined([...all().slice(0, at), resigned, ...all().slice(at + 1)]);
    expect(refused(rest)).toMatchObject({ evidence: { line: at + 1 } });
    // Brought with a chain made anew: those who signed later did not sign this.
    const made = [...all().slice(0, at), resigned];
    for (const one of all().slice(at + 1))
      made.push(JSON.stringify({ ...(JSON.parse(one) as Line), previous: createHash('sha256').update(made.at(-1)!).digest('hex') }));
    expect(refused(joined(made))).toMatchObject({ code: 'not-signed', evidence: { line: at + 1, name: 'Observer 1' } });
  });

  it('is refused in another format, and says where it was cut', () => {
    const later = all().with(0, all()[0]!.replace('holdfast/transcript/v1', 'holdfast/transcript/v2'));
    expect(refused(joined(later))).toMatchObject({ message: expect.stringMatching(/of a format that this release does not know/) });
    expect(refused(joined(all().slice(0, -5)))?.message).toMatch(new RegExp(`it was cut after line ${all().length - 5}`));
    const [half = ''] = text.slice(0, 9000).split('\n').slice(-1);
    expect(half).not.toBe('');
    expect(refused(text.slice(0, 9000))).toMatchObject({ evidence: { line: text.slice(0, 9000).split('\n').length } });
    expect(refused('')?.message).toMatch(/has no beginning/);
  });

  it('does not verify keys that did not come out of it, and names the first', () => {
    const entry = JSON.parse(read('fleet-entry.json'));
    entry.fleets[0].nodes[2].sealingKey = entry.fleets[0].nodes[0].identityKey;
    expect(() => verifyTranscript(text, { 'fleet-entry.json': JSON.stringify(entry) })).toThrow(/fleets\.0\.nodes\.2\.sealingKey/);
    const csr = read('node-1', 'tls.csr');
    expect(() => verifyTranscript(text, { 'node-2/tls.csr': csr })).toThrow(/node-2\/tls\.csr is not what follows/);
    expect(() => verifyTranscript(text, { 'root.json': '{}' })).toThrow(/nothing called root\.json follows/);
  });
});
