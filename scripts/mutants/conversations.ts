/** What a coordinator and a client must not do. */
import { mutants } from './mutant.ts';

const coordinator = (file: string) => `src/quorum/coordinator/${file}.ts`;
const client = (file: string) => `src/quorum/client/${file}.ts`;

export const ofConversations = [
  ...mutants(coordinator('expected'), [
    ["takes a member's word out of another member's mouth", 'return said.signer === from ? said : undefined;', 'return said;'],
    [
      'counts an answer to another question',
      '&& Object.entries(says).every(([field, expected]) => same(said[field as keyof Message<T>], expected));',
      ';',
    ],
  ]),
  ...mutants(coordinator('attempt'), [
    ['offers votes from before a restart', ', latest.get(from) ?? 0n);', ', 0n);'],
    [
      'stops at nonsense in place of votes',
      'enough: fleet.quorum, counts: fits, slot, isBehind',
      'enough: fleet.quorum, counts: () => true, slot, isBehind',
    ],
    ['teaches nobody the number before', 'lacksRecord(reply) || hasNotCounted(reply, attempt - 1)', 'lacksRecord(reply)'],
  ]),
  ...mutants(coordinator('confirm'), [
    [
      'keeps the acknowledgements from members that stated a lock',
      "for (const to of members) yield* does('ask'",
      "for (const to of [] as typeof members) yield* does('ask'",
    ],
  ]),
  ...mutants(coordinator('status'), [['teaches nobody who is behind', 'said.tried < certified.attempt;', 'said.tried < 0;']]),
  ...mutants(coordinator('lock'), [
    ['hears too few before a lock', 'return nodes.length - quorum + 1;', 'return nodes.length - quorum;'],
    ['seeks a lock before it heard the others', 'if (heard < othersToHear(fleet)) return undefined;', 'if (heard < 0) return undefined;'],
  ]),
  ...mutants(client('deposit'), [
    ['is content with one acknowledgement of its activation', 'if (opened < client.fleet.quorum) {', 'if (opened < 1) {'],
    [
      'forgets an activation before all nodes have it',
      'yield* remember(opened === client.fleet.nodes.length ? undefined',
      'yield* remember(opened >= client.fleet.quorum ? undefined',
    ],
    [
      'gives a deposit up on one refusal',
      "refusal.refused === 'cancelled').length > fleet.nodes.length - fleet.quorum",
      "refusal.refused === 'cancelled').length > 0",
    ],
    [
      'sends an activation that it did not save',
      '  // Saved before it is sent: from here on it is this registration or none.\n  yield* remember(pending);\n',
      '',
    ],
  ]),
  ...mutants(client('push'), [
    ['leaves it to one node to pass on who acknowledged a success', 'if (done && refused.some(', 'if (!done && refused.some('],
    [
      'is content with one acknowledgement of a success',
      'const done = acks.length >= client.fleet.quorum;',
      'const done = acks.length >= 1;',
    ],
    [
      'gives a success up on members that state a lock without its certificate',
      '(one) => one.generation > generation)',
      '(one) => one.generation > generation || one.locked)',
    ],
    [
      'forgets an activation that some nodes lack',
      'if (acks.length < client.fleet.nodes.length) return false;',
      'if (acks.length < client.fleet.quorum) return false;',
    ],
  ]),
  ...mutants(client('recover'), [
    ['gives a recovery code up that one member was led ahead with', 'const CLIMBS_MAX = 512;', 'const CLIMBS_MAX = 16;'],
    ['spends number after number on one refusal each', 'const FORCED_MAX = 2;', 'const FORCED_MAX = 16;'],
    ['takes answers that were given to another request', ' && equalBytes(one.nonce, nonce))\n    .map(', ')\n    .map('],
    [
      'takes refusals of another number',
      '.filter((one) => one.attempt === attempt && one.element === hash(element) && equalBytes(one.nonce, heard.nonce));',
      ';',
    ],
    [
      'makes a new guess of one that was interrupted',
      'return equalBytes(element, attempt.element) ? attempt : undefined;',
      'return undefined;',
    ],
    ['calls used up what one member says', '>= blocking) {\n      yield* forget', '>= 1) {\n      yield* forget'],
    [
      'shows nobody who counted the number before',
      'const shown = attempt === 1 ? [] : reports',
      'const shown = attempt > 0 ? [] : reports',
    ],
    [
      'forgets a success before anybody has it',
      "yield* act('keep', { memo: { ...memo, confirmation: { confirm, votes } } });",
      "yield* act('keep', { memo });",
    ],
    ['asks nobody else when answers are wrong', 'const ASKED_AGAIN_MAX = 2;', 'const ASKED_AGAIN_MAX = 0;'],
  ]),
  ...mutants(client('status'), [
    ["takes one node's statement as often as it comes", 'if (message.signer === node && !heard.has(node))', 'if (!heard.has(node))'],
    ['believes the highest report', 'return (descending(reports)[mayLie(fleet)] ?? 0) + 1;', 'return (descending(reports)[0] ?? 0) + 1;'],
    ['takes an old status', '.filter((one) => one.slot === slot && equalBytes(one.nonce, nonce));', '.filter((one) => one.slot === slot);'],
    ['calls locked what a liar completed', 'return later.length <= mayLie(client.fleet);', 'return true;'],
    [
      'takes the lock of another registration',
      'if (of.slot !== slot || of.generation !== generation || of.digest !== digest) return false;',
      '',
    ],
    ['gives up what one coordinator leaves out', 'if (generationSaid(client, reports) <= proven) return best;', 'return best;'],
    [
      'tells the owner that there is nothing',
      'if (nothing && generationSaid(client, reports) > (registration?.generation ?? 0)) {',
      'if (nothing && reports.length < 0) {',
    ],
  ]),
  ...mutants(client('cancel'), [
    ['is content with one node that takes its objection', 'if (stands.length >= client.fleet.quorum)', 'if (stands.length >= 1)'],
  ]),
  ...mutants(
    'src/oprf/checked.ts',
    [
      ['takes any proof', '=== c;', '=== c || c > 0n;'],
      [
        'leaves the check out of the proof',
        'sha256(concatBytes(DOMAIN, element, check, commitment))',
        'sha256(concatBytes(DOMAIN, element, commitment))',
      ],
      [
        'leaves the commitment out of the proof',
        'sha256(concatBytes(DOMAIN, element, check, commitment))',
        'sha256(concatBytes(DOMAIN, element, check))',
      ],
      ['takes any answer', 'if (hasX(add(scaled, offset), expected)) return encodePoint(Z);', 'return encodePoint(Z);'],
      [
        'takes an answer for another share',
        'const offset = multiplyPublic(decodePoint(publicShare), r);',
        'const offset = multiplyPublic(decodePoint(publicShare), 1n);',
      ],
      [
        'takes only one sign of an answer',
        'return hasX(subtract(offset, scaled), expected) ? encodePoint(negate(Z)) : undefined;',
        'return undefined;',
      ],
    ],
    ['test/oprf/checked.test.ts', 'test/client/open.test.ts'],
  ),
];
