/** What an operator publishes, and what it never countersigns: interrupted anywhere, and whatever the log shows. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Id } from '../../src/base/bytes.ts';
import { HoldfastError } from '../../src/base/errors.ts';
import { publish, refresh } from '../../src/operator/publish.ts';
import { parseSignedEntry } from '../../src/trust/signed-entry.ts';
import { requireTrusted, verifyBundle } from '../../src/trust/verify.ts';
import { noteKey } from '../log/keys.ts';
import { DAY_MS, goodFleet, World } from '../trust/world.ts';
import { Interrupted, planned, WorldDesk } from './world-desk.ts';

let at: WorldDesk;
beforeEach(() => {
  at = new WorldDesk();
});
afterEach(() => at.remove());

/** As a client that registers. */
const trusted = (bundle = at.state.bundle!) => requireTrusted(verifyBundle(bundle, at.world.options({ nowMs: at.nowMs })));
const fleetOf = (index: number) => at.fleets[index]!.id as Id;

describe('publish', () => {
  test('puts an entry into the log, and gives every node a bundle that clients take', async () => {
    const published = await publish(at.desk);
    expect(published).toMatchObject({ sequence: 1, size: 1, admitted: true, serving: ['node-1', 'node-2', 'node-3'], silent: [] });
    expect(trusted().fleet.fleet.id).toBe(fleetOf(0));
    expect(new Set(at.served.values())).toEqual(new Set([at.state.bundle]));
    expect(at.state.candidate).toBeUndefined();
  });

  test('with nothing new makes no entry, and hands out fresh cosignatures', async () => {
    await publish(at.desk);
    at.nowMs += 5 * DAY_MS;
    expect(await publish(at.desk)).toMatchObject({ sequence: 1, size: 1, admitted: false });
    expect(trusted().bundle.digest).toBe(verifyBundle([...at.served.values()][0]!, at.world.options({ nowMs: at.nowMs })).bundle!.digest);
  });

  test('renews an entry when it is told to, and when less than half of its time is left', async () => {
    await publish(at.desk);
    expect(await publish(at.desk, { renew: true })).toMatchObject({ sequence: 2, admitted: true });
    at.nowMs += 100 * DAY_MS;
    expect(await publish(at.desk)).toMatchObject({ sequence: 3, admitted: true });
    expect(trusted().entry.previous).toBe(at.world.leaves[1]!.entry.digest);
  });

  test('adds a fleet beside the one before, and never drops one that is not retired', async () => {
    await publish(at.desk);
    at.fleets = [planned(3, 101)];
    await expect(publish(at.desk)).rejects.toMatchObject({ code: 'configuration', evidence: { fleet: planned().id } });
    at.fleets = [planned(), planned(3, 101)];
    await publish(at.desk);
    expect(trusted().entry.fleets.map(({ state }) => state)).toEqual(['active', 'active']);
  });

  test('retires a fleet, in this order only, and keeps since when', async () => {
    at.fleets = [planned(), planned(3, 101)];
    await publish(at.desk);
    const states = () => trusted().entry.fleets.map(({ state }) => state);
    at.nowMs += DAY_MS;
    await publish(at.desk, { change: { fleet: fleetOf(0), to: 'retiring' } });
    const retired = trusted().entry.fleets[0]!;
    expect([states(), retired.since]).toEqual([['retiring', 'active'], at.nowMs]);
    expect(trusted().fleet.fleet.id).toBe(fleetOf(1));
    at.nowMs += DAY_MS;
    expect(await publish(at.desk, { change: { fleet: fleetOf(0), to: 'retiring' } })).toMatchObject({ admitted: false });
    // Its nodes are gone, and need not sign.
    for (const { url } of at.fleets[0]!.nodes) at.silent.add(url);
    await publish(at.desk, { change: { fleet: fleetOf(0), to: 'retired' } });
    expect(states()).toEqual(['retired', 'active']);
    await expect(publish(at.desk, { change: { fleet: fleetOf(0), to: 'retiring' } })).rejects.toMatchObject({ code: 'configuration' });
  });

  test('needs every node: one that is silent is named, and the others are not asked again', async () => {
    const [, second] = at.fleets[0]!.nodes;
    at.silent.add(second!.url);
    await expect(publish(at.desk)).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('node-2') });
    expect(at.world.leaves).toEqual([]);
    at.silent.clear();
    await publish(at.desk);
    expect([...at.signatures.values()]).toEqual([1, 1, 1]);
  });

  test('goes on without a node that is lost, for as long as it is, and with it when it is back', async () => {
    await publish(at.desk);
    const [, , lost] = at.fleets[0]!.nodes;
    at.silent.add(lost!.url);
    await expect(publish(at.desk, { renew: true })).rejects.toMatchObject({ message: expect.stringContaining('--without node-3') });
    const absent = () => trusted().entry.fleets[0]!.absent;
    const first = at.world.leaves[0]!.entry.digest;
    expect(await publish(at.desk, { renew: true, without: [lost!.id as Id] })).toMatchObject({
      sequence: 2,
      serving: ['node-1', 'node-2'],
    });
    expect(absent()).toEqual([{ node: lost!.id, signed: first }]);
    await publish(at.desk, { renew: true });
    expect(absent()).toEqual([{ node: lost!.id, signed: first }]);
    expect(await refresh(at.desk)).toMatchObject({ sequence: 3 });
    at.silent.clear();
    await publish(at.desk, { counting: [lost!.id as Id] });
    expect([absent(), trusted().entry.sequence]).toEqual([undefined, 4]);
  });

  test('says of an absent node what the last entry said, whatever the configuration says now', async () => {
    await publish(at.desk);
    const moved = at.fleets[0]!.nodes.map((node, i) => (i === 2 ? { ...node, url: 'https://elsewhere.example.org' } : node));
    at.fleets = [{ ...at.fleets[0]!, nodes: moved }];
    await publish(at.desk, { renew: true, without: [moved[2]!.id as Id] });
    expect(trusted().entry.fleets[0]!.nodes[2]!.url).toBe(planned().nodes[2]!.url);
  });

  test('leaves a fleet that lost more than its quorum allows, and adds none without all of its nodes', async () => {
    at.fleets = [planned(), planned(3, 101)];
    await publish(at.desk);
    const lost = at.fleets[0]!.nodes.map(({ id }) => id as Id);
    for (const { url } of at.fleets[0]!.nodes) at.silent.add(url);
    await expect(publish(at.desk, { renew: true, without: lost })).rejects.toMatchObject({ code: 'configuration' });
    await publish(at.desk, { change: { fleet: fleetOf(0), to: 'retiring' }, without: lost });
    expect(trusted().fleet.fleet.id).toBe(fleetOf(1));
    await publish(at.desk, { change: { fleet: fleetOf(0), to: 'retired' } });
    expect(trusted().entry.fleets[0]).toMatchObject({ state: 'retired' });
    expect(trusted().entry.fleets[0]!.absent).toBeUndefined();
    at.fleets = [...at.fleets, planned(3, 201)];
    const [fresh] = at.fleets[2]!.nodes;
    await expect(publish(at.desk, { without: [fresh!.id as Id] })).rejects.toMatchObject({ code: 'configuration' });
  });

  test('reaches a fleet by one of its nodes, and tells of the others', async () => {
    await publish(at.desk);
    for (const { url } of at.fleets[0]!.nodes.slice(1)) at.silent.add(url);
    expect(await refresh(at.desk)).toMatchObject({ serving: ['node-1'], silent: [{ node: 'node-2' }, { node: 'node-3' }] });
    at.silent.add(at.fleets[0]!.nodes[0]!.url);
    await expect(refresh(at.desk)).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('waits for third parties, and hands out nothing that clients would refuse', async () => {
    at.cosigners = [at.world.witness];
    await expect(publish(at.desk)).rejects.toMatchObject({ code: 'unreachable', evidence: { thirdParties: 0, wanted: 1 } });
    expect(at.served.size).toBe(0);
    at.cosigners.push(at.world.thirdParties[1]!);
    expect(await publish(at.desk)).toMatchObject({ sequence: 1, size: 1, admitted: true });
  });

  test('signs nothing that the witness would not admit', async () => {
    at.fleets = [{ ...planned(), nodes: planned().nodes.map((node) => ({ ...node, region: 'here' })) }];
    await expect(publish(at.desk)).rejects.toMatchObject({ code: 'configuration', message: expect.stringContaining('region') });
    expect(at.state.candidate).toBeUndefined();
  });
});

describe('refresh', () => {
  test('needs something that was published', async () => {
    await expect(refresh(at.desk)).rejects.toMatchObject({ code: 'not-found' });
  });

  test('makes a bundle fresh again without a new entry', async () => {
    await publish(at.desk);
    at.nowMs += 20 * DAY_MS;
    expect(() => trusted()).toThrow(/too old/);
    expect(await refresh(at.desk)).toMatchObject({ sequence: 1, size: 1, admitted: false });
    trusted();
  });
});

describe('interrupted', () => {
  test('at any step, and run again: one entry, one signature of each node, and the same bundle everywhere', async () => {
    await publish(at.desk);
    const whole = at.steps;
    expect(whole).toBeGreaterThan(30);
    for (let k = 0; k < whole; k += 1) {
      at.remove();
      at = new WorldDesk();
      at.stepsLeft = k;
      await expect(publish(at.desk), `step ${k}`).rejects.toThrow(Interrupted);
      at.stepsLeft = Number.POSITIVE_INFINITY;
      at.nowMs += 60_000;
      const { sequence, size } = await publish(at.desk);
      expect([k, sequence, size, at.world.leaves.length]).toEqual([k, 1, 1, 1]);
      // An answer that was lost on its way is asked for again.
      expect(Math.max(...at.signatures.values())).toBeLessThanOrEqual(2);
      expect(new Set(at.served.values())).toEqual(new Set([at.state.bundle]));
      trusted();
    }
  }, 600_000);

  test('before the log has it, and then wanted otherwise: the old draft is dropped', async () => {
    at.silent.add(at.fleets[0]!.nodes[0]!.url);
    await expect(publish(at.desk)).rejects.toMatchObject({ code: 'unreachable' });
    at.silent.clear();
    at.fleets = [...at.fleets, planned(3, 101)];
    await publish(at.desk);
    expect(trusted().entry.fleets).toHaveLength(2);
    expect(at.world.leaves).toHaveLength(1);
  });
});

describe('never countersigned, and kept as evidence', () => {
  const refused = async (what: string) => {
    const before = at.countersigned;
    const bundle = at.state.bundle;
    const error = await publish(at.desk, { renew: true }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HoldfastError);
    const { code, evidence } = error as HoldfastError;
    expect(code).toBe('alarm');
    expect(at.countersigned).toBe(before);
    expect(at.state.bundle).toBe(bundle);
    const folder = String(evidence['evidence']);
    expect(folder).toContain(what);
    return folder;
  };

  test('an entry of somebody else, signed by our own release keys', async () => {
    await publish(at.desk);
    const foreign = await at.world.publish({ fleets: [{ ...goodFleet() }] });
    await at.signCheckpoint();
    const folder = await refused('foreign-entry');
    expect(readdirSync(folder).sort()).toEqual(['1.entry', 'seen.checkpoint', 'shown.checkpoint']);
    expect(parseSignedEntry(readFileSync(join(folder, '1.entry'), 'utf8')).entry.digest).toBe(foreign.entry.digest);
    // Nor later, when more was added.
    await refused('foreign-entry');
  });

  test('a log that begins with an entry of somebody else', async () => {
    await at.world.publish();
    await at.signCheckpoint();
    await refused('foreign-entry');
    expect(existsSync(join(at.folder, 'candidate.json'))).toBe(false);
  });

  test('a log that went back', async () => {
    await publish(at.desk);
    await publish(at.desk, { renew: true });
    await at.signCheckpoint(1);
    await refused('rolled-back');
    at.shown = { checkpoint: undefined };
    await refused('rolled-back');
  });

  test('a log that goes back when its key is replaced', async () => {
    await publish(at.desk);
    await publish(at.desk, { renew: true });
    const second = noteKey(at.world.log.vkey.name, 'second');
    at.world.rotate({ log: second.vkey.text });
    at.shown = { checkpoint: await at.world.checkpoint({ log: second, size: 1 }) };
    await refused('rolled-back');
    at.shown = { checkpoint: await at.world.checkpoint() };
    await expect(publish(at.desk)).rejects.toMatchObject({ code: 'not-signed' });
  });

  test('a log that shows another past', async () => {
    await publish(at.desk);
    const other = new World();
    await other.publish({ validUntil: '2026-12-24T00:00:00Z' });
    at.shown = { checkpoint: await other.checkpoint() };
    await refused('another-past');
    await other.publish();
    at.shown = { checkpoint: await other.checkpoint() };
    await refused('another-past').catch(() => undefined);
    expect(at.countersigned).toContain(`${at.world.log.vkey.name}\n1\n`);
  });

  test('an entry that is not the one in the tree', async () => {
    await publish(at.desk);
    await at.world.publish();
    await at.signCheckpoint();
    // The log would pass a foreign entry off as one of ours.
    at.shown = { leaf: (index) => (index === 1 ? at.world.leaves[0]!.leaf : undefined) };
    await refused('another-entry');
  });

  test('a checkpoint of another key', async () => {
    await publish(at.desk);
    at.shown = { checkpoint: await at.world.checkpoint({ log: at.world.release[0]!, origin: at.world.log.vkey.name }) };
    await expect(publish(at.desk)).rejects.toMatchObject({ code: 'not-signed' });
  });
});
