/**
 * A node as a coordinator: drives the conversations, and turns a device's call into one. Also what it does on its own
 * account: rejoining, catching up, locking.
 */
import type { Id } from '../../src/base/bytes.ts';
import { type Ask, type Caller, isRefusal, type Reply } from '../../src/quorum/ask.ts';
import type { Call, Heard } from '../../src/quorum/client/effects.ts';
import { coordinateConfirm } from '../../src/quorum/coordinator/confirm.ts';
import { type Arrival, gather, type Patience, type Talk, type TalkEffect } from '../../src/quorum/coordinator/conversation.ts';
import { answerTo, type Counted } from '../../src/quorum/coordinator/expected.ts';
import { coordinateStatus } from '../../src/quorum/coordinator/status.ts';
import { parseRegistration } from '../../src/vault/registration.ts';
import { slotId } from '../../src/vault/slot.ts';
import type { Node } from './node.ts';
import type { Simulation } from './simulation.ts';
import { learnFromOthers } from './tasks.ts';

const LIMIT_MS = 1500;
const LINGER_MS = 40;

/** Runs a conversation; what belongs to a life that ended is dropped. */
export function converse<T>(simulation: Simulation, node: Node, talk: Talk<T>, done: (result: T) => void): void {
  const { world, network } = simulation;
  const { life } = node;
  const inbox: Arrival[] = [];
  let wake: ((arrival: Arrival | undefined) => void) | undefined;

  const turns = new Map<Id, number>();
  /** A later question replaces the earlier: a late vote must not be taken for the answer that was asked for since. */
  const heardFrom = (from: Id) => {
    const turn = (turns.get(from) ?? 0) + 1;
    turns.set(from, turn);
    return (reply: Reply | undefined) => {
      if (turns.get(from) !== turn) return;
      const arrival = { from, reply };
      if (wake === undefined) inbox.push(arrival);
      else wake(arrival);
    };
  };

  const perform = (effect: Exclude<TalkEffect, { kind: 'next' | 'learn' }>): unknown => {
    switch (effect.kind) {
      case 'ask':
        return void network.send(node, simulation.nodeOf(effect.to), { kind: 'ask', ask: asked(effect.ask) }, heardFrom(effect.to));
      case 'teach': {
        const letter = { kind: 'teach', proof: node.proofOf(effect.slot) ?? {}, ask: asked(effect.ask) } as const;
        return void network.send(node, simulation.nodeOf(effect.to), letter, heardFrom(effect.to));
      }
      case 'seen':
        return node.disk.seen.get(effect.node) ?? 0n;
    }
  };

  const go = (input: unknown): void => {
    if (node.life !== life) return;
    let step = talk.next(input);
    while (!step.done) {
      const effect = step.value;
      if (effect.kind === 'learn') return learnFromOthers(simulation, node, effect.slot, effect.untilMs, go);
      if (effect.kind !== 'next') {
        step = talk.next(perform(effect));
        continue;
      }
      const arrival = inbox.shift();
      if (arrival === undefined && world.now < effect.untilMs) return wait(effect.untilMs);
      step = talk.next({ arrival, now: world.now });
    }
    done(step.value);
  };

  const wait = (untilMs: number): void => {
    const mine = (arrival: Arrival | undefined) => {
      if (wake !== mine) return;
      wake = undefined;
      go({ arrival, now: world.now });
    };
    wake = mine;
    world.after(untilMs - world.now, () => mine(undefined));
  };

  go(undefined);
}

function asked(ask: Ask): Exclude<Ask, { op: 'cancel' }> {
  if (ask.op === 'cancel') throw new Error('bug: cancellations are not gathered');
  return ask;
}

export function patience(simulation: Simulation): Patience {
  return { startMs: simulation.world.now, lingerMs: LINGER_MS, limitMs: LIMIT_MS };
}

/** What an honest coordinator does with a call. */
export function serve(simulation: Simulation, node: Node, call: Call, caller: Caller, done: (heard: Heard) => void): void {
  const { fleet } = simulation;
  const members = fleet.nodes.map((one) => one.id);
  const slot = slotId(caller.place);
  const { verify } = simulation.keys;
  const all = (ask: Counted, about: Id | undefined) => {
    const expected = { enough: fleet.quorum, counts: answerTo(ask, fleet, verify), slot: about };
    return converse(simulation, node, gather(members, ask, patience(simulation), expected), done);
  };
  switch (call.op) {
    case 'status': {
      const talk = coordinateStatus(fleet, verify, { caller, request: call.request }, node.disk.records.get(slot), patience(simulation));
      return converse(simulation, node, talk, (heard) => {
        const { standing, lock } = node.disk.records.get(slot) ?? {};
        done({ ...heard, ...(standing && { standing }), ...(lock && { lock }) });
      });
    }
    case 'wait':
      return all({ op: 'wait', caller, request: call.request }, undefined);
    case 'register': {
      const registration = parseRegistration(call.registration, fleet);
      const { request, approval } = call;
      return all({ op: 'register-vote', caller, request, registration, ...(approval && { approval }) }, slot);
    }
    case 'activate':
      return all({ op: 'activate', standing: call.standing }, undefined);
    case 'confirm':
      return converse(simulation, node, coordinateConfirm(fleet, verify, call.confirmed, patience(simulation)), done);
    case 'attempt':
      return converse(
        simulation,
        node,
        node.machines.coordinateAttempt(
          fleet,
          verify,
          { op: 'attempt-vote', caller, request: call.request, element: call.element, shown: call.shown },
          patience(simulation),
        ),
        done,
      );
    case 'cancel':
      return cancelEverywhere(simulation, node, { op: 'cancel', place: caller.place, cancelled: call.cancelled }, done);
  }
}

function cancelEverywhere(simulation: Simulation, node: Node, ask: Ask & { op: 'cancel' }, done: (heard: Heard) => void): void {
  const refused: Heard['refused'][number][] = [];
  for (const to of simulation.nodes) {
    simulation.network.send(node, to, { kind: 'cancel', ask }, (said) => {
      if (said !== undefined && typeof said !== 'boolean' && isRefusal(said)) refused.push({ node: to.id, refusal: said });
    });
  }
  const { life } = node;
  simulation.world.after(LIMIT_MS, () => node.life === life && done({ said: [], refused }));
}
