/**
 * Every error that leaves Holdfast carries a code of this registry. A code says what the reader should do next; the
 * message says what was expected and what was found; the evidence carries numbers. None of them ever carries a secret.
 *
 * Four kinds of failure, never mixed: a bug (`assert`), bad outside data or a refusal (`HoldfastError`), and an
 * impossible state (`HoldfastError` with code `alarm`: stop and look).
 */

interface CodeEntry {
  /** The status an HTTP answer carries. */
  readonly http: number;
  /** The reader's next step. */
  readonly next: string;
}

const entry = (http: number, next: string): CodeEntry => ({ http, next });

export const codes = {
  malformed: entry(400, 'Correct the input: it does not have the documented form.'),
  path: entry(400, 'Name another path, or make what it needs: the message says what is wrong with this one.'),
  'weak-passcode': entry(400, 'Choose another one: more digits, or words that do not go together. Nothing was done.'),
  'too-large': entry(413, 'Send less: the documented bound is in the message.'),
  'not-signed': entry(401, 'Sign the exact bytes with the key that is named.'),
  'pass-refused': entry(401, 'Get a fresh pass from the account service and sign with the key it names.'),
  'request-expired': entry(401, 'Check the clock of the device and sign the request again.'),
  'wrong-fleet': entry(409, 'Use the fleet entry that this backup names.'),
  'not-found': entry(404, 'Nothing is registered here: register first, or check whose login this is.'),
  'stale-generation': entry(409, 'Ask for the status and take the next generation.'),
  'unknown-generation': entry(409, 'This node has not caught up with that generation: send its proof, or ask again later.'),
  'already-voted': entry(409, 'The node voted for something else under this number: take the next one.'),
  'attempt-out-of-range': entry(409, 'Ask for the status and take the next attempt number.'),
  locked: entry(423, 'All guesses are used up. Use another way in, or register anew.'),
  'not-certified': entry(403, 'Attach votes of a quorum for exactly these bytes.'),
  'share-refused': entry(422, 'The sealed share does not open for this registration: deal it anew.'),
  'not-allowed': entry(403, 'Do it with the backup key of this account at hand, or as the message says.'),
  'cooling-off': entry(409, 'Wait until the cooling-off time has passed, then send the same registration again.'),
  cancelled: entry(409, 'The owner cancelled this registration.'),
  quarantined: entry(503, 'This node does not vote: its token may have been rolled back. Ask another node.'),
  'token-full': entry(507, 'The token has no room for new accounts: the operator must add a fleet.'),
  'token-unavailable': entry(503, 'The security module does not answer: try again, or ask another node.'),
  'token-unsuitable': entry(500, 'The security module lacks something needed: the message names it.'),
  'not-admitted': entry(422, 'Correct the entry: the message names the first item of the admission policy that it fails.'),
  'checkpoint-moved': entry(409, 'Fetch the checkpoint anew, check that it holds all that was seen before, and cosign that one.'),
  'pin-refused': entry(500, 'Do not try again with this PIN: a few wrong ones lock the token. Find out first which PIN it has.'),
  'rate-limited': entry(429, 'Wait as long as the message, or the Retry-After header, says. Nothing was counted.'),
  overloaded: entry(503, 'Try again later.'),
  timeout: entry(504, 'Try again: a guess that was begun is finished, not made anew.'),
  'no-quorum': entry(
    503,
    'Too few nodes answered: try again when more are up. A guess that was begun is finished then; it counts twice only if nodes were started anew in between.',
  ),
  'untrusted-answer': entry(502, 'An answer does not verify under the fleet entry: report it, and ask another node.'),
  'wrong-passcode': entry(
    403,
    'Type it with care, or use another way in. The message says how many guesses are left, and when the next is allowed.',
  ),
  'not-confirmed': entry(409, 'Settle it in the room, then run the ceremony again: it goes on where it stopped, and asks what happened.'),
  'untrusted-bundle': entry(422, 'Do not use these fleet keys: the check that failed is in the message. Report it, and ask another node.'),
  unreachable: entry(502, 'See that the server runs and that this machine reaches it, then run the same command again.'),
  superseded: entry(409, 'A newer one is in force: ask for it, and go on from there.'),
  'untrue-entry': entry(422, 'Correct the fleet entry: the message names what is not so.'),
  unrecognised: entry(502, 'Update this program: it was refused for a reason that this release has no word for.'),
  configuration: entry(500, 'Correct what the message names, and run it again.'),
  'release-refused': entry(
    500,
    'Do not start it. Install the release anew from where it was published, and check it with "holdfast release verify".',
  ),
  'disk-full': entry(507, 'Free space there, or choose another place, and run it again. What was there before is as it was.'),
  system: entry(500, 'The system refused it: see what the message names, and run it again.'),
  alarm: entry(500, 'This must not happen. Stop, keep the evidence, and look.'),
} as const satisfies Record<string, CodeEntry>;

export type Code = keyof typeof codes;
export type Evidence = Readonly<Record<string, string | number | boolean>>;

/** As long as an answer's may be (api/bodies.ts): what is told of bytes from outside may hold as much of them as their sender likes. */
const MESSAGE_LENGTH_MAX = 1024;
const EVIDENCE_LENGTH_MAX = 512;

function cut(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 3)}...`;
}

function cutAll(evidence: Evidence): Evidence {
  const short = ([name, value]: [string, Evidence[string]]) => [name, typeof value === 'string' ? cut(value, EVIDENCE_LENGTH_MAX) : value];
  return Object.fromEntries(Object.entries(evidence).map(short));
}

export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly code: Code;
  readonly evidence: Evidence;

  constructor(code: Code, message: string, evidence: Evidence = {}, cause?: unknown) {
    super(cut(message, MESSAGE_LENGTH_MAX), cause === undefined ? undefined : { cause });
    this.code = code;
    this.evidence = cutAll(evidence);
  }
}

export function fail(code: Code, message: string, evidence?: Evidence, cause?: unknown): never {
  throw new HoldfastError(code, message, evidence, cause);
}

/** For what only a bug in this program can break. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`bug: ${what}`);
}

/** For what no schedule, crash or liar within the stated bounds can bring about: see docs/design.md, "Laws". */
export function alarm(what: string, evidence?: Evidence): never {
  return fail('alarm', what, evidence);
}
