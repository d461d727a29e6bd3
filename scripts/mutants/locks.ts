/** What a member must not do about locks, successes, restarts and the memory of others. */
import { mutants } from './mutant.ts';

const at = (file: string) => `src/quorum/member/${file}.ts`;

export const ofLocks = [
  ...mutants(at('lock'), [
    [
      'states a lock while guesses are left',
      'if (!exhausted(counters, current.core.policy.guesses)) return',
      'if (counters.tried < 0) return',
    ],
    [
      'states a lock before the last success can come',
      'if (view.sinceCountedMs < member.lockDelayMs / 2) return',
      'if (view.sinceCountedMs < 0) return',
    ],
    ['states a lock before it heard the others', 'if (heard < needed) return', 'if (heard < 0) return'],
    ['states a lock and takes a confirmation all the same', 'counters: { ...counters, locked: true } });', 'counters });'],
    [
      'states a lock in quarantine',
      "if (view.standing !== 'full') return refuse('quarantined'",
      "if (view.standing === undefined) return refuse('quarantined'",
    ],
    [
      "takes statements of different counters for a lock's certificate",
      'const says = { slot, generation, digest, cleared, tried };',
      'const says = { slot, generation, digest };',
    ],
    ['learns a lock with statements from before a restart', 'if (!sinceRestart || isOutdated(', 'if (isOutdated('],
    [
      'learns a lock that a later success contradicts',
      'if (!sinceRestart || isOutdated(member, view, { generation, cleared })) return false;',
      'if (!sinceRestart) return false;',
    ],
    ['learns a lock without remembering whose statements it used', '  yield* remember(votes);\n', ''],
    [
      'erases before the grace time is over',
      'if (record.lockSince === undefined || member.now < record.lockSince + graceMs) return false;',
      '',
    ],
    [
      'erases what another lock names',
      'if (lock.generation !== current.generation || lock.digest !== current.digest || lock.slot !== slot) return false;',
      '',
    ],
  ]),
  ...mutants(at('confirm'), [
    [
      'takes a success without the certificate of its attempt',
      '  readCertifiedAttempt(votes, { slot, generation, digest, attempt }, member.fleet, member.verify);\n',
      '',
    ],
    [
      'takes the certificate of another attempt for a success',
      'readCertifiedAttempt(votes, { slot, generation, digest, attempt }',
      'readCertifiedAttempt(votes, { slot, generation, digest }',
    ],
    ['takes a success that nobody with the passcode signed', "  readByUnlockKey('unlock/confirm', confirm, current, member);\n", ''],
    ['takes a success after it stated a lock', 'if (counters.locked && acks === undefined) {', 'if (counters.locked && attempt < 0) {'],
    [
      'takes no success after it stated a lock, whoever acknowledged it',
      'if (counters.locked && acks === undefined) {',
      'if (counters.locked) {',
    ],
    ['acknowledges a success that it did not write down', "sequence = yield* perform('commit', { slot, counters: next });", ''],
    [
      'takes acknowledgements of another success',
      '{ slot, generation, digest, attempt }, member.fleet, member.verify);\n    return true;',
      '{ slot, generation, digest }, member.fleet, member.verify);\n    return true;',
    ],
  ]),
  ...mutants(at('learn'), [
    [
      'counts no attempt that others counted',
      "if (attempt > counters.tried) yield* perform('commit'",
      "if (attempt < 0) yield* perform('commit'",
    ],
    [
      'answers an attempt of votes from before a restart',
      'if (!sinceRestart || attempt < counters.tried || holds(',
      'if (attempt < counters.tried || holds(',
    ],
    ['remembers votes only of attempts that it can count', '  yield* remember(votes);\n  const view', '  const view'],
    [
      'keeps an older attempt in place of a later one',
      'return known.generation === generation && known.attempt >= attempt;',
      'return false;',
    ],
  ]),
  ...mutants(at('rollback'), [
    [
      'takes votes from before a restart where the votes tell of it',
      "    if (isEarlierEpoch(sequence, yield* perform('seen', { node: signer }))) return false;\n",
      '',
    ],
    [
      'takes votes from before a restart where the hello tells of it',
      "    if (isEarlierEpoch(sequence, yield* perform('seen', { node: startsOf(signer) }))) return false;\n",
      '',
    ],
    ['votes in quarantine on what is older', 'return since !== undefined && sequence > since;', 'return since !== undefined;'],
    [
      'votes in quarantine where one voter never answered',
      'return since !== undefined && sequence > since;',
      'return since === undefined || sequence > since;',
    ],
    ['vouches before it has heard of the others itself', 'vouches: merged,', 'vouches: true,'],
    ['does not remember that another member started', 'yield* takeIn(member, [hello, ...memory]);', 'yield* takeIn(member, memory);'],
    ['forgets what others told of a third', 'yield* takeIn(member, [hello, ...memory]);', 'yield* takeIn(member, [hello]);'],
  ]),
  ...mutants(at('memory'), [
    [
      'takes unsigned evidence',
      "      readOfNode(shown.kind === 'start' ? 'node/hello' : (typeOf(by.bytes) as 'node/attempt-vote'), by, fleet, verify);\n",
      '',
    ],
    [
      'lets an older statement displace a later one',
      "if (shown.kind === 'vote' ? shown.sequence > known : isEarlierEpoch(known, shown.sequence)) newer.push(shown);",
      'newer.push(shown);',
    ],
    [
      'lets a start cover up a vote',
      'return { node: startsOf(signer), signer, sequence: started',
      'return { node: signer, signer, sequence: started',
    ],
  ]),
  ...mutants('src/quorum/coordinator/rejoin.ts', [
    ['votes again after a rollback that others can prove', "kind === 'vote' && sequence > found);", "kind === 'vote' && sequence < 0n);"],
    ['takes votes of its own life for a rollback', 'signer === self && !isOwn(sequence));', 'signer === self);'],
    ['starts again under an epoch that it used', "if (above !== undefined) return { ...heard, kind: 'start-lost', above };", ''],
    ['rejoins on too few words', 'return vouching >= answers ?', 'return vouching > 0 ?'],
    ['rejoins on the word of those who know nothing', 'fresh.filter((answer) => answer.vouches).length', 'fresh.length'],
    [
      'takes an old answer for one to its hello',
      'if (answer?.subject !== self || !equalBytes(answer.nonce, nonce)) return [];',
      'if (answer?.subject !== self) return [];',
    ],
  ]),
];
