/**
 * Law 5 at the peer listener, and laws 1 and 6 between nodes: what a node can do to the others when its host and its token's PIN
 * are somebody else's. It signs truly as itself; what it teaches, what it answers when it is asked, and whose words it repeats
 * change no counter of an honest node.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fromBase64url, type Id } from '../../../src/base/bytes.ts';
import { systemRandom } from '../../../src/base/ports.ts';
import { PASSCODE, Secret } from '../../../src/client/index.ts';
import { nativeArgon2id } from '../../../src/client/node/index.ts';
import { dealRegistration } from '../../../src/client/open.ts';
import type { Change, Proof } from '../../../src/quorum/record.ts';
import { parseRegistration } from '../../../src/vault/registration.ts';
import { hash, keyId, type Signed, signMessage } from '../../../src/wire/signed.ts';
import { QUICK } from '../fleet.ts';
import type { Spelled } from '../raw.ts';
import { Traitor } from './traitor.ts';
import { alice, asked, bob, fleet, head, members, OTHER_FLEET, RIGHT, random, stage, standingOf, votesOf, WRONG } from './world.ts';

stage();

/** The largest number that a field of 32 bits holds. */
const LARGEST = 0xffff_ffff;

let traitor: Traitor;
beforeAll(async () => {
  traitor = await Traitor.of(fleet, 3);
}, 180_000);
afterAll(() => traitor?.close());

/** What the two honest nodes say of alice's slot, down to the commit sequence. */
async function standing() {
  const { reports } = await (await fleet.device('alice')).status(PASSCODE);
  const of = reports.map((report) => ({ ...report, nonce: undefined, as: undefined })).sort((a, b) => (a.signer < b.signer ? -1 : 1));
  expect(of).toHaveLength(2);
  return of;
}

const real = ({ signed, signature }: Spelled): Signed => ({ bytes: fromBase64url(signed), signature: fromBase64url(signature) });
const first = () => members().nodes[0]?.id as Id;
const element = hash(Uint8Array.of(1));
const voteOf = (attempt: number, changed = {}) =>
  traitor.says('node/attempt-vote', { ...head(alice), attempt, element, sequence: 1n, ...changed });
const lockOf = (tried: number, changed = {}) =>
  traitor.says('node/lock-statement', { ...head(alice), cleared: 0, tried, sequence: 1n, ...changed });
/** By alice's own unlock key, which is more than any node has: what is refused is refused for its certificate. */
const confirmOf = (attempt: number, account = alice) => {
  const signer = keyId(alice.registration.core.unlockKey);
  return signMessage('unlock/confirm', { fleet: members().id, signer, ...head(alice), attempt }, account.unlock);
};
const cut = ({ bytes, signature }: Signed): Signed => ({ bytes: bytes.slice(0, -1), signature });

/** A registration of the traitor's own, for alice's slot, with the votes that he can get. */
async function usurped(generation: number, others: readonly Signed[]): Promise<Proof> {
  const made = { secret: new Secret(systemRandom(32)), input: WRONG, ...QUICK };
  const { registration, sign } = await dealRegistration(members(), alice.raw.place, generation, made, { random, argon2id: nativeArgon2id });
  const { slot, digest, core } = parseRegistration(registration, members());
  const activation = signMessage('unlock/activate', { fleet: members().id, signer: keyId(core.unlockKey), slot, generation, digest }, sign);
  const own = await traitor.says('node/register-vote', { slot, generation, digest, sequence: 1n });
  return { standing: { registration, votes: [own, ...others], activation } };
}

const wrong = async (): Promise<readonly (readonly [what: string, code: string, proof: Proof])[]> => {
  const own = await voteOf(9);
  const inAnothersName = await voteOf(9, { signer: first() });
  const largest = await voteOf(LARGEST);
  const third = votesOf(alice, 3).map(real);
  const activation = real(standingOf(alice).activation);
  return [
    ['a success without votes', 'not-certified', { confirmation: { confirm: confirmOf(9), votes: [] } }],
    ['a success with its own vote alone', 'not-certified', { confirmation: { confirm: confirmOf(9), votes: [own] } }],
    ['a success with its own vote twice', 'not-certified', { confirmation: { confirm: confirmOf(9), votes: [own, own] } }],
    ['a success with a vote in another’s name', 'not-signed', { confirmation: { confirm: confirmOf(9), votes: [own, inAnothersName] } }],
    ['a success under the largest number', 'not-certified', { confirmation: { confirm: confirmOf(LARGEST), votes: [largest, largest] } }],
    ['a success under the votes of another guess', 'not-certified', { confirmation: { confirm: confirmOf(9), votes: third } }],
    ['a success by another’s unlock key', 'not-signed', { confirmation: { confirm: confirmOf(3, bob), votes: third } }],
    ['a success cut short', 'malformed', { confirmation: { confirm: cut(confirmOf(3)), votes: third } }],
    ['a guess under the largest number', 'not-certified', { attempt: { votes: [largest, largest] } }],
    ['a guess with one vote of two', 'not-certified', { attempt: { votes: [own] } }],
    ['a guess with a vote cut short', 'malformed', { attempt: { votes: [cut(own), own] } }],
    ['a guess of another fleet', 'wrong-fleet', { attempt: { votes: [await voteOf(9, { fleet: OTHER_FLEET }), own] } }],
    ['a lock by itself alone', 'not-certified', { lock: [await lockOf(10)] }],
    ['a lock by itself twice', 'not-certified', { lock: [await lockOf(10), await lockOf(10)] }],
    [
      'a lock with the largest counts, in another’s name',
      'not-signed',
      { lock: [await lockOf(LARGEST), await lockOf(LARGEST, { signer: first() })] },
    ],
    ['votes for a registration as a lock', 'malformed', { lock: standingOf(alice).votes.map(real) }],
    ['a registration with its own vote alone', 'not-certified', await usurped(2, [])],
    ['a registration of the largest generation', 'not-certified', await usurped(LARGEST, [])],
    ['a registration with votes for another', 'not-certified', await usurped(2, standingOf(alice).votes.slice(1).map(real))],
    [
      'an activation cut short',
      'malformed',
      {
        standing: {
          registration: fromBase64url(standingOf(alice).registration),
          votes: standingOf(alice).votes.map(real),
          activation: cut(activation),
        },
      },
    ],
  ];
};

describe('a node whose host is somebody else’s', () => {
  it('teaches the others nothing that no quorum has signed', async () => {
    const before = await standing();
    for (const [what, code, proof] of await wrong()) {
      for (const node of [1, 2]) await expect((await traitor.at(node)).teach(proof), what).rejects.toMatchObject({ code });
      expect(await standing(), what).toEqual(before);
    }
    // Counts of zero say less than is known: they are passed over.
    await (await traitor.at(1)).teach({ attempt: { votes: [await voteOf(0), await voteOf(0, { signer: first() })] } });
    // What a quorum signed is taken from it like from anyone.
    await (await traitor.at(1)).teach({ attempt: { votes: votesOf(alice, 3).map(real) } });
    expect(await standing()).toEqual(before);
  }, 120_000);

  it('asks nothing of them that is not its to ask', async () => {
    const before = await standing();
    const { place } = alice.raw;
    const peer = await traitor.at(1);
    expect(await peer.ask({ op: 'lock', place })).toMatchObject({ refused: 'attempt-out-of-range' });
    const caller = { place, clientKey: alice.raw.clientKey.publicKey, clientKeyId: element, pass: new Secret(alice.raw.pass) };
    const { signed, signature } = await alice.raw.request({ operation: 'attempt', ...head(alice), attempt: 4, body: element });
    const swapped = {
      op: 'attempt-vote',
      caller,
      request: real({ signed, signature }),
      element: fromBase64url(String(asked(bob, 'attempt')['element'])),
      shown: [],
    } as const;
    await expect(peer.ask(swapped)).rejects.toMatchObject({ code: 'malformed' });
    const forged = { ...swapped, caller: { ...caller, pass: new Secret(`${alice.raw.pass.slice(0, -8)}AAAAAAAA`) } };
    await expect(peer.ask(forged)).rejects.toMatchObject({ code: 'pass-refused' });
    expect(await standing()).toEqual(before);
  }, 60_000);

  it('is not believed when it is asked for what they missed, and its cursor runs away from nobody', async () => {
    const before = await standing();
    const rows = await wrong();
    const cursors: number[] = [];
    const changes: Change[] = rows.map(([, , proof], i) => ({ cursor: i + 1, slot: alice.raw.slot, proof }));
    const largest = Number.MAX_SAFE_INTEGER;
    await traitor.serve({
      ask: async () => ({ bytes: Uint8Array.of(1), signature: new Uint8Array(64) }),
      proofOf: async () => changes[0]?.proof,
      changes: async (after) => {
        cursors.push(after);
        // First everything, under cursors that end at the largest number; then a feed that is far behind that.
        return after < largest ? { changes, next: largest, head: largest } : { changes: [], next: after, head: 3 };
      },
      teach: async () => undefined,
    });
    const refusals = (node: number) =>
      readFileSync(join(fleet.folder, `node-${node}`, 'trace.log'), 'utf8')
        .split('\n')
        .filter((line) => line.includes('proof-refused'));
    await vi.waitFor(() => {
      // One line for each cause in a page.
      for (const node of [1, 2]) for (const [, code] of rows) expect(refusals(node).join('\n')).toContain(code);
      // Both nodes begin again from the start once they were told so.
      expect(cursors.slice(cursors.indexOf(largest)).filter((after) => after === 0).length).toBeGreaterThanOrEqual(2);
    }, 60_000);
    expect(await standing()).toEqual(before);
  }, 120_000);

  it('that repeats another’s words is not another node: two statements of one member are one', async () => {
    await traitor.serve({
      ask: async (question) => (await traitor.at(1)).ask(question),
      changes: async (after) => ({ changes: [], next: after, head: after }),
      proofOf: async (slot) => (await traitor.at(1)).proofOf(slot),
      teach: async () => undefined,
    });
    await fleet.kill(2);
    const guessed = String(asked(bob, 'attempt')['element']);
    const body = hash(fromBase64url(guessed));
    const request = await alice.raw.request({ operation: 'attempt', ...head(alice), attempt: 4, body });
    const heard = await alice.raw.ask('attempt', { request, element: guessed });
    // Node 1 has voted, and so has the one that repeats it: nobody answers.
    expect(heard).toMatchObject({ http: 200, json: { said: [] } });
    await expect((await fleet.device('alice', 0)).recover(PASSCODE, RIGHT)).rejects.toMatchObject({ code: 'no-quorum' });
  }, 180_000);
});
