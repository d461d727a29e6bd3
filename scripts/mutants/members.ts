/** What a member must not do. */
import { mutants } from './mutant.ts';

const at = (file: string) => `src/quorum/member/${file}.ts`;

export const ofMembers = [
  ...mutants('src/quorum/counters.ts', [
    ['votes for a number that it counted before', 'return counters.tried < attempt &&', 'return counters.tried <= attempt &&'],
    [
      'votes for an eleventh guess',
      '&& attempt <= counters.cleared + guesses;\n}\n\n/** Answering',
      '&& attempt <= counters.cleared + guesses + 1;\n}\n\n/** Answering',
    ],
    ['answers an attempt after it counted a later one', 'return counters.tried <= attempt &&', 'return'],
    [
      'keeps the guesses of the generation before',
      'active: generation, tried: 0, cleared: 0',
      'active: generation, tried: counters.tried, cleared: 0',
    ],
    ['forgets its votes at an activation', 'voted: Math.max(counters.voted, generation)', 'voted: generation'],
    [
      'gives all guesses back after a wrong one',
      'return { ...counters, tried: Math.max(counters.tried, attempt) };',
      'return { ...counters, tried: Math.max(counters.tried, attempt), cleared: attempt };',
    ],
    [
      'lets a success that comes late refill less than it should',
      'cleared: Math.max(counters.cleared, attempt) };',
      'cleared: counters.cleared };',
    ],
    [
      'stays locked after a success that a quorum acknowledged',
      'return { ...afterConfirmation(counters, attempt), locked: false };',
      'return afterConfirmation(counters, attempt);',
    ],
    ['takes a way in of ten guesses for one of plenty', 'guesses > GUESSABLE_MAX ? STEP_MAX : 1', 'STEP_MAX'],
  ]),
  ...mutants('src/quorum/quorum-certificate.ts', [
    ['takes a certificate with a vote too few', 'votes.length < fleet.quorum ||', 'votes.length < fleet.quorum - 1 ||'],
    ['counts one member twice', 'if (signers.size !== votes.length)', 'if (signers.size === 0)'],
    [
      'takes votes that say another thing',
      'if (vote[field as keyof Message<T>] !== expected) fail',
      'if (field === "" && vote[field as keyof Message<T>] !== expected) fail',
    ],
    ['takes votes for different elements as one attempt', ' && vote.element === element;', ';'],
  ]),
  ...mutants(at('attempt'), [
    ['answers before it counted', 'if (counters.tried < attempt) sequence = yield*', 'if (counters.tried < 0) sequence = yield*'],
    [
      'votes without counting',
      "const sequence = yield* perform('commit', { slot, counters: afterTry(counters, attempt) });\n  const vote",
      "const sequence = yield* perform('commit', { slot, counters });\n  const vote",
    ],
    [
      'votes in quarantine',
      "if (!votesOn(member, view, current)) return refuse('quarantined'",
      "if (view.standing === undefined) return refuse('quarantined'",
    ],
    ['follows any number', ' && isNext(member, view, current, attempt, ask.shown);', ';'],
    ['counts guesses that come too soon', 'if (leftMs > 0) return yield* tooSoon', 'if (leftMs < 0) return yield* tooSoon'],
    ['counts an element whose check is not proven', 'if (!member.isProven(ask.element))', 'if (ask.element.length === 0)'],
    [
      'gives its vote from before a restart again',
      " && sameEpoch(decodeMessage('node/attempt-vote', said.bytes).sequence, view.sequence)) return said;",
      ') return said;',
    ],
    ['answers on votes from before a restart', 'if (!(yield* allSinceRestart(votes))) {', 'if (!(yield* allSinceRestart([]))) {'],
    ['answers without remembering whose votes it used', '    yield* remember(ask.votes);\n', ''],
    [
      'answers another element under the same number',
      ' && known.attempt === attempt && known.element === element;',
      ' && known.attempt === attempt;',
    ],
    [
      'takes another element than the client signed for',
      "if (asked.body !== element) fail('malformed'",
      "if (asked.body === '') fail('malformed'",
    ],
    [
      'counts guesses at what is deleted',
      "'refused' in current || !current.core.tombstone ? current",
      "'refused' in current || current.core.tombstone !== undefined ? current",
    ],
  ]),
  ...mutants(at('next-number'), [
    [
      'follows the next number where the last one is not settled',
      '(step > 1 || isSettled(member, view, current))',
      '(step > 0 || isSettled(member, view, current))',
    ],
    ['believes the word of as many members as may lie', 'return signers.size > mayLie(fleet);', 'return signers.size >= mayLie(fleet);'],
    [
      'counts the same member as often as it is shown',
      'const signers = new Set<string>();',
      'const signers = { size: 0, add(_: string) { this.size += 1; } };',
    ],
    [
      'takes statuses of another generation',
      'said.slot === slot && said.generation === generation && said.digest === digest;',
      'said.slot === slot;',
    ],
    ['takes statuses that counted less', 'if (same && said.tried >= attempt)', 'if (same)'],
    [
      'takes what is on the disk for a certificate',
      'return says.attempt >= tried && verifies(',
      'return says.attempt >= tried || verifies(',
    ],
    ['takes an older certificate for the last number', 'return says.attempt >= tried && verifies(', 'return verifies('],
  ]),
  ...mutants(at('register'), [
    ['votes twice under one generation', 'if (generation <= counters.voted) {', 'if (generation < counters.voted) {'],
    ['follows any generation', 'if (generation > counters.voted + GENERATION_STEP) {', 'if (generation < 0) {'],
    [
      'votes for registrations in quarantine',
      "if (view.standing !== 'full') return refuse('quarantined'",
      "if (view.standing === undefined) return refuse('quarantined'",
    ],
    [
      'votes for what the owner cancelled',
      "if (isCancelled(record, digest)) return refuse('cancelled'",
      "if (digest === '') return refuse('cancelled'",
    ],
    ['votes for what nobody approved, at once', 'const waitMs = waitingSeconds(account) * 1000;', 'const waitMs = 0;'],
    ['votes before the waiting time is over', 'return leftMs > 0 ? coolingOff(leftMs) : undefined;', 'return undefined;'],
    [
      'votes though its share does not open',
      "!(yield* perform('open', { registration }))) {\n    return refuse",
      "!(yield* perform('open', { registration })) && generation < 0) {\n    return refuse",
    ],
    ['votes before it wrote that down', 'counters: afterVote(counters, generation) });', 'counters });'],
    [
      'lets a recovery code begin an account',
      "if (core.tombstone || core.place.way.kind === 'passcode') return undefined;",
      'return undefined;',
    ],
    [
      'lets a depositor choose any waiting time',
      'return tombstone || (policy.coolingOffSeconds >= minSeconds && policy.coolingOffSeconds <= maxSeconds);',
      'return tombstone || policy.coolingOffSeconds >= minSeconds;',
    ],
    [
      'lets a depositor choose less than the tenant does',
      'return tombstone || (policy.coolingOffSeconds >= minSeconds && policy.coolingOffSeconds <= maxSeconds);',
      'return tombstone || policy.coolingOffSeconds <= maxSeconds;',
    ],
    ['lets announcements without end wait', 'if (waiting.length >= ANNOUNCEMENTS_MAX) return', 'if (waiting.length < 0) return'],
  ]),
  ...mutants(at('authority'), [
    [
      'takes the approval of another registration',
      'return slot === next.slot && generation === next.generation && digest === next.digest;',
      'return slot === next.slot && generation === next.generation;',
    ],
    ['asks the owner key of the slot alone', 'for (const at of placesOf(place)) {', 'for (const at of [place]) {'],
    [
      'takes the approval of any key',
      'new Map([...(current ? [current] : []), ...others].map(({ core }) => [keyId(core.ownerKey), core.ownerKey]))',
      'new Map([[keyId(next.core.ownerKey), next.core.ownerKey]])',
    ],
    ['counts a deletion as what stands', '} else if (!current.core.tombstone) live.push(current);', '} else live.push(current);'],
    [
      'lets what is added wait as long as another way says, the shortest of them',
      'Math.max(...others.map(({ core }) => core.policy.coolingOffSeconds))',
      '0',
    ],
  ]),
  ...mutants(at('cancel'), [
    [
      'takes an objection after it voted',
      'if (counters.voted >= generation && !votedForAnother(',
      'if (counters.voted < 0 && !votedForAnother(',
    ],
    [
      'refuses every objection once it voted for another',
      'if (counters.voted >= generation && !votedForAnother(member, record, { slot, generation, digest })) {',
      'if (counters.voted >= generation) {',
    ],
    [
      'takes the objection of another account',
      'if (by.account !== place.account || by.tenant !== place.tenant)',
      'if (by.tenant !== place.tenant)',
    ],
    ['takes an objection against what is in force', 'if (generation <= counters.active)', 'if (generation < 0)'],
    ['takes an objection for another slot', 'if (slot !== slotId(place) || bySlot !== slotId(by))', 'if (bySlot !== slotId(by))'],
  ]),
  ...mutants(at('activate'), [
    ['puts an older generation in force', 'if (generation < counters.active) {', 'if (generation < 0) {'],
    [
      'refills the guesses by a second activation',
      'if (generation === counters.active) return yield* complete',
      'if (generation < 0) return yield* complete',
    ],
    [
      'puts in force what came without its share',
      ' && lacksShare(member, registration) && !sharesGone) {',
      ' && lacksShare(member, registration) && generation < 0) {',
    ],
    ['does not remember who voted for what it puts in force', '  yield* remember(standing.votes);\n', ''],
    ['replaces what is in force under the same generation', 'if (stored?.generation === generation && !same) {', 'if (generation < 0) {'],
    ['forgets its vote at an activation', '    ...(registerVote && { registerVote }),\n', ''],
    [
      'keeps announcements that are over',
      'announcements.filter((waiting) => waiting.generation > registration.generation)',
      'announcements',
    ],
  ]),
  ...mutants(at('standing'), [
    [
      'takes a registration that its depositor did not activate',
      'if (activation.slot !== slot || activation.generation !== generation || activation.digest !== digest) {',
      "if (activation.slot === '') {",
    ],
    [
      'takes a registration that no quorum voted for',
      "  readCertificate('node/register-vote', standing.votes, { slot, generation, digest }, member.fleet, member.verify);\n",
      '',
    ],
    ['repeats a statement that another member signed', '  if (read.signer !== member.self) return undefined;\n', ''],
    [
      'believes a store that is behind its token',
      'if (registration.generation !== counters.active) {',
      'if (registration.generation < 0) {',
    ],
    [
      'takes guesses for a registration that is not in force',
      'if (current.digest !== asked.digest) return refuse',
      "if (current.digest === '') return refuse",
    ],
  ]),
];
