import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNodeKeys, inspectToken, NODE_KEYS, openCreation, openSigner } from '../../src/token/index.ts';
import { makeSoftHsm } from './softhsm.ts';

const hsm = makeSoftHsm(['node', 'empty', 'witness']);

beforeAll(() => {
  createNodeKeys({ ...hsm.config('node'), pages: 4 });
});
afterAll(() => hsm.remove());

describe('the report on a token', () => {
  it('shows a complete node: keys made inside, that never left, each for one mechanism; counters proven', () => {
    const report = inspectToken(hsm.config('node'));
    expect(report).toMatchObject({ profile: 'softhsm2', class: 'host', simulated: true, suite: { found: { wrapping: 0x210a } } });
    for (const { label, kind } of Object.values(NODE_KEYS)) {
      const only = { 'p256-sign': '0x1041', 'p256-derive': '0x1050', mac: '0x251', ed25519: '' }[kind];
      expect(report.keys[label]).toMatchObject({
        found: {
          attributes: { LOCAL: true, NEVER_EXTRACTABLE: true, ALWAYS_SENSITIVE: true, EXTRACTABLE: false, ALLOWED_MECHANISMS: only },
        },
      });
    }
    expect(report.counters).toEqual({ found: { pages: 4, slots: 0, sequence: 0n, quarantined: false } });
    const kinds = report.objects.map((object) => object.class).toSorted();
    expect(kinds).toEqual([...Array(5).fill('DATA'), ...Array(3).fill('PRIVATE_KEY'), ...Array(3).fill('PUBLIC_KEY'), 'SECRET_KEY']);
    expect(report.objects.filter(({ class: kind }) => kind === 'DATA').every(({ attributes }) => attributes['private'])).toBe(true);
  });

  it('changes nothing, and says what is missing instead of failing', () => {
    const report = inspectToken(hsm.config('empty'));
    expect(report.objects).toEqual([]);
    expect(report.keys[NODE_KEYS.identity.label]).toEqual({ problem: expect.stringContaining('a key is missing') });
    expect(report.counters).toHaveProperty('problem');
    expect(inspectToken(hsm.config('node')).counters).toHaveProperty('found.sequence', 0n);
  });

  it('tries what the token should forbid: SoftHSM forbids all but a readable value out of the sealing key', () => {
    const { misuse } = inspectToken(hsm.config('node'));
    expect(misuse.length).toBeGreaterThan(20);
    expect(misuse.filter(({ refused }) => !refused).map(({ attempt }) => attempt)).toEqual([
      'derive a readable value with the sealing key',
    ]);
    expect(inspectToken(hsm.config('node')).objects).toHaveLength(12);
  });
});

describe('creation', () => {
  it('never replaces a key or a bank', () => {
    expect(() => createNodeKeys(hsm.config('node'))).toThrow(/already has an object of this label/);
    const creation = openCreation(hsm.config('node'));
    expect(() => creation.createPages(4)).toThrow(/already has a counter bank/);
    creation.close();
  });

  it.each(['p256-sign', 'ed25519'] as const)('makes a %s key for a ceremony, which then signs', async (kind) => {
    const spec = { label: `holdfast-${kind}`, kind };
    const creation = openCreation(hsm.config('witness'));
    creation.createKey(spec);
    const { publicKey } = creation.readBack(spec);
    creation.close();
    const signer = await openSigner(hsm.config('witness'), spec);
    expect(signer.publicKey).toEqual(publicKey);
    expect(await signer.sign(new Uint8Array(100))).toHaveLength(64);
    await signer.close();
  });
});
