/**
 * A node whose token does whatever the adversary wants: it signs anything under its own key, for any number, twice; says too
 * much or too little; answers wrongly; and otherwise behaves, so as not to be noticed.
 */
import { type Id, NO_ID } from '../../src/base/bytes.ts';
import type { Ask, Reply } from '../../src/quorum/ask.ts';
import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';
import { hash } from '../../src/wire/signed.ts';
import type { Node } from './node.ts';
import type { Simulation } from './simulation.ts';

const TRICKS = ['behave', 'silent', 'sign', 'inflate', 'deflate', 'forget'] as const;

export class Compromised {
  readonly #simulation: Simulation;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** @returns what it says; nothing for silence */
  reply(node: Node, ask: Exclude<Ask, { op: 'cancel' }>): Reply | undefined {
    const { world, story } = this.#simulation;
    const trick = world.chance.pick(TRICKS);
    const said = this.#play(node, ask, trick);
    if (said !== undefined && said !== 'behave') {
      story.count(`compromised: ${trick} ${ask.op}`);
      story.tell(node.name, () => `cheats at ${ask.op}: ${trick}`);
      return said;
    }
    return trick === 'silent' ? undefined : node.ask(ask, 99);
  }

  #play(node: Node, ask: Exclude<Ask, { op: 'cancel' }>, trick: (typeof TRICKS)[number]): Reply | undefined | 'behave' {
    if (trick === 'behave' || trick === 'silent') return undefined;
    const { fleet, world, vault } = this.#simulation;
    const head = { fleet: fleet.id, signer: node.id };
    const sequence = world.chance.happens(0.5) ? node.token.sequence : 0xffff_0000_0000n;
    switch (ask.op) {
      case 'attempt-vote': {
        const { slot, generation, digest, attempt, nonce } = decodeMessage('client/request', ask.request.bytes);
        const element = hash(ask.element);
        if (trick === 'forget') {
          const waitMs = world.chance.pick([1, 86_400_000]);
          const statement = node.sign(encodeMessage('node/wait', { ...head, slot, generation, digest, attempt, nonce, waitMs }));
          return { refused: 'rate-limited', message: 'so it says', statement };
        }
        if (trick === 'inflate') {
          const statement = node.sign(
            encodeMessage('node/refusal', { ...head, slot, generation, digest, attempt, element, nonce, tried: 99, cleared: 0 }),
          );
          return { refused: 'locked', message: 'so it says', statement };
        }
        return node.sign(encodeMessage('node/attempt-vote', { ...head, slot, generation, digest, attempt, element, sequence }));
      }
      case 'answer': {
        const { slot, generation, digest, attempt, nonce } = decodeMessage('client/request', ask.request.bytes);
        const right = vault.evaluate(digest, node.position, ask.element);
        const evaluated = trick === 'sign' ? right : Uint8Array.of(2, ...world.chance.bytes(32));
        return node.sign(
          encodeMessage('node/answer', {
            ...head,
            slot,
            generation,
            digest,
            attempt,
            element: hash(ask.element),
            nonce,
            evaluated,
            sequence,
          }),
        );
      }
      case 'register-vote': {
        const { slot, generation, digest } = ask.registration;
        return node.sign(encodeMessage('node/register-vote', { ...head, slot, generation, digest, sequence }));
      }
      case 'status':
        return this.#status(node, ask, trick);
      // The device of the simulation does not ask for it.
      case 'wait':
        return 'behave';
      case 'lock': {
        const { counters, record } = node.view(this.#simulation.slot);
        if (record?.standing === undefined) return 'behave';
        const { slot, generation, digest } = decodeMessage('unlock/activate', record.standing.activation.bytes);
        const { cleared, tried } = counters;
        return node.sign(encodeMessage('node/lock-statement', { ...head, slot, generation, digest, cleared, tried, sequence }));
      }
      case 'confirm': {
        const { slot, generation, digest, attempt } = decodeMessage('unlock/confirm', ask.confirmed.confirm.bytes);
        return node.sign(encodeMessage('node/confirmation-ack', { ...head, slot, generation, digest, attempt, sequence }));
      }
      case 'hello': {
        const { signer, nonce } = decodeMessage('node/hello', ask.hello.bytes);
        const answer = node.sign(
          encodeMessage('node/hello-answer', { ...head, subject: signer, nonce, vouches: trick !== 'deflate', sequence }),
        );
        // To know nothing is the dangerous lie. To know too much takes statements of the member's own: these are no such.
        const far = 0xffff_0000_0000n;
        const { found, ...said } = decodeMessage('node/hello', ask.hello.bytes);
        const slot = { slot: this.#simulation.slot, generation: 1, digest: NO_ID };
        const claims = [
          node.sign(encodeMessage('node/hello', { ...said, found, started: far })),
          node.sign(encodeMessage('node/register-vote', { fleet: fleet.id, signer, ...slot, sequence: far })),
        ];
        return { ...answer, memory: trick === 'inflate' ? claims : [] };
      }
      case 'activate':
        return 'behave';
    }
  }

  #status(node: Node, ask: Ask & { op: 'status' }, trick: (typeof TRICKS)[number]): Reply {
    const { fleet } = this.#simulation;
    const { slot, nonce } = decodeMessage('client/request', ask.request.bytes);
    const { counters, record } = node.view(slot);
    const standing = record?.standing && decodeMessage('unlock/activate', record.standing.activation.bytes);
    const much = trick === 'inflate' ? 5 : 0;
    const keep = trick === 'deflate' || trick === 'forget' ? 0 : 1;
    return node.sign(
      encodeMessage('node/status', {
        fleet: fleet.id,
        signer: node.id,
        slot,
        generation: trick === 'forget' ? 0 : (standing?.generation ?? 0),
        digest: trick === 'forget' || standing === undefined ? ('0'.repeat(64) as Id) : standing.digest,
        nonce,
        voted: counters.voted * keep + much,
        tried: counters.tried * keep + much,
        cleared: trick === 'sign' ? counters.tried : counters.cleared * keep,
        locked: trick === 'inflate',
        standing: true,
        sequence: node.token.sequence,
      }),
    );
  }

  /** Says of each of them that it has counted every number. */
  statuses(nodes: readonly Node[], digest: Id) {
    const { fleet, slot, vault } = this.#simulation;
    const generation = vault.dealOf(digest)?.registration.generation ?? 0;
    const numbers = { voted: generation, tried: 0xffff, cleared: 0, locked: false, standing: true };
    const nonce = new Uint8Array(32);
    return nodes.map((node) => {
      const said = { fleet: fleet.id, signer: node.id, slot, generation, digest, nonce, ...numbers, sequence: node.token.sequence };
      return [node.id, node.sign(encodeMessage('node/status', said))] as const;
    });
  }

  /** Votes for a guess of the adversary's, whatever was counted before. */
  forge(nodes: readonly Node[], digest: Id, generation: number, attempt: number, element: Id) {
    const { fleet, slot } = this.#simulation;
    return nodes.map((node) => {
      const vote = { fleet: fleet.id, signer: node.id, slot, generation, digest, attempt, element, sequence: node.token.sequence };
      return [node.id, node.sign(encodeMessage('node/attempt-vote', vote))] as const;
    });
  }
}
