/** A node whose process carries messages dishonestly; its token and its member are honest. All it can do is fail. */
import { type Id, toHex } from '../../src/base/bytes.ts';
import type { Caller } from '../../src/quorum/ask.ts';
import type { Call, Heard } from '../../src/quorum/client/effects.ts';
import type { Standing } from '../../src/quorum/record.ts';
import { dropShares, parseRegistration } from '../../src/vault/registration.ts';
import { serve } from './gateway.ts';
import type { Node } from './node.ts';
import type { Simulation } from './simulation.ts';

const LIES = [
  'drop',
  'forget answers',
  'swap names',
  'old status',
  'false refusals',
  'old standing',
  'hide votes',
  'hold',
  'other element',
  'strip shares',
] as const;

export class Liar {
  readonly #simulation: Simulation;
  #statuses: Heard | undefined;
  #standing: Standing | undefined;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  serve(node: Node, call: Call, caller: Caller, done: (heard: Heard) => void): void {
    const { world, story, vault } = this.#simulation;
    if (world.chance.happens(0.3)) return serve(this.#simulation, node, call, caller, done);
    const lie = world.chance.pick(LIES);
    story.count(`coordinator: ${lie}`);
    story.tell(node.name, () => `lies about ${call.op}: ${lie}`);
    switch (lie) {
      case 'drop':
        return;
      case 'hold': {
        // Delivered when nobody waits for it any more.
        const lateMs = world.chance.between(5000, 100_000);
        return world.after(lateMs, () => node.alive && serve(this.#simulation, node, call, caller, () => undefined));
      }
      case 'strip shares': {
        if (call.op !== 'activate') return serve(this.#simulation, node, call, caller, done);
        const whole = parseRegistration(call.standing.registration, this.#simulation.fleet);
        const registration = dropShares(whole, this.#simulation.fleet).bytes;
        return serve(this.#simulation, node, { ...call, standing: { ...call.standing, registration } }, caller, done);
      }
      case 'other element': {
        const element = vault.blind(`the liar's ${toHex(world.chance.bytes(4))}`, world.chance.bytes(32));
        return serve(this.#simulation, node, call.op === 'attempt' ? { ...call, element } : call, caller, done);
      }
      default:
        return serve(this.#simulation, node, call, caller, (heard) => done(this.#twist(lie, call, heard)));
    }
  }

  #twist(lie: (typeof LIES)[number], call: Call, heard: Heard): Heard {
    const { world, nodes } = this.#simulation;
    const { said, refused } = heard;
    switch (lie) {
      case 'forget answers':
        return { ...heard, said: world.chance.some(said), refused: world.chance.some(refused) };
      case 'swap names':
        return { ...heard, said: said.map(({ signed }) => ({ node: world.chance.pick(nodes).id, signed })) };
      case 'old status': {
        const old = this.#statuses;
        if (call.op === 'status') this.#statuses ??= heard;
        return old !== undefined && call.op === 'status' ? old : heard;
      }
      case 'false refusals': {
        const refusal = {
          refused: world.chance.pick(['locked', 'attempt-out-of-range', 'stale-generation', 'cancelled'] as const),
          message: 'so it says',
        };
        return { ...heard, said: [], refused: nodes.map((node: { id: Id }) => ({ node: node.id, refusal })) };
      }
      case 'old standing': {
        const old = this.#standing;
        if (heard.standing !== undefined) this.#standing ??= heard.standing;
        return old === undefined ? heard : { ...heard, standing: old };
      }
      case 'hide votes': {
        const { votes: _, ...rest } = heard;
        return rest;
      }
      default:
        return heard;
    }
  }
}
