/**
 * From a log that was found in order to a bundle that clients take: the operator's cosignature over the checkpoint, those of
 * witness and third parties, the proof, and at the end every check that a client will make.
 */
import { fail } from '../base/errors.ts';
import { openCheckpoint } from '../log/checkpoint.ts';
import { cosign, cosignatureTime } from '../log/cosignature.ts';
import { formatProof } from '../log/proof.ts';
import type { Vkey } from '../log/vkey.ts';
import { type Bundle, makeBundle } from '../trust/bundle.ts';
import { FRESHNESS_MS } from '../trust/log-checks.ts';
import { parseSignedEntry } from '../trust/signed-entry.ts';
import { requireTrusted, verifyBundle } from '../trust/verify.ts';
import type { Desk } from './desk.ts';
import type { Watched } from './watch.ts';

const POLL_MS = 1_000;
/** What goes out must be good for a while: half of what clients allow. */
const YOUNG_MS = FRESHNESS_MS / 2;

/** @param watched of watch.ts just now: nothing else is ever countersigned @throws `unreachable` when cosignatures do not come in */
export async function vouch(desk: Desk, watched: Watched): Promise<Bundle> {
  const { roots, clock, witness, state, report } = desk;
  const { text } = watched.checkpoint.note;
  const { operator, log } = roots.latest;
  const line = await cosign(text, operator, Math.floor(clock() / 1000), desk.cosign);
  await witness.countersign({ text, signatures: [line] });
  report({ step: 'countersign', words: 'countersigned the log' });
  const checkpoint = await gathered(desk, text);
  const { note, index, proof } = watched.last;
  const bundle = makeBundle({ entry: note, proof: formatProof({ index, hashes: proof, checkpoint }), roots: roots.chain });
  requireGood(desk, bundle);
  state.keepBundle(bundle.line);
  const cosigners = openCheckpoint(checkpoint, log).note.signatures.length - 1;
  report({ step: 'bundle', words: `made the bundle: ${cosigners} cosignatures, ${bundle.line.length} bytes` });
  return bundle;
}

/** The checkpoint of this text once enough have cosigned it lately. */
async function gathered({ roots, witness, thirdParties, cosignaturesLimitMs, clock, sleep, report }: Desk, text: string): Promise<string> {
  const { log, ...root } = roots.latest;
  const untilMs = clock() + cosignaturesLimitMs;
  for (let told = false; ; told = true) {
    const shown = await witness.checkpoint();
    const note = shown === undefined ? undefined : openCheckpoint(shown, log).note;
    if (shown === undefined || note?.text !== text)
      return fail('checkpoint-moved', 'the log went on while its checkpoint was being countersigned');
    const isYoung = (vkey: Vkey): boolean => (cosignatureTime(note, vkey) ?? 0) * 1000 >= clock() - YOUNG_MS;
    const others = root.thirdParties.filter(isYoung).length;
    if (isYoung(root.witness) && isYoung(root.operator) && others >= thirdParties) return shown;
    if (clock() >= untilMs) {
      fail('unreachable', 'cosignatures of the checkpoint are missing: the witness or its third parties do not answer', {
        witness: isYoung(root.witness),
        thirdParties: others,
        wanted: thirdParties,
      });
    }
    if (!told) report({ step: 'cosignatures', words: `waiting for cosignatures: ${others} of ${thirdParties} third parties` });
    await sleep(POLL_MS);
  }
}

/** As a client that pins the first root will. */
function requireGood({ roots, thirdParties, clock, verify }: Desk, bundle: Bundle): void {
  const { fleets } = parseSignedEntry(bundle.entry).entry;
  const [fleet] = fleets;
  const registers = fleets.some(({ state }) => state === 'active');
  const verdict = verifyBundle(bundle.line, {
    roots: roots.first,
    policy: { thirdParties, allowSimulated: true },
    nowMs: clock(),
    purpose: registers || fleet === undefined ? { kind: 'register' } : { kind: 'recover', fleet: fleet.fleet.id },
    verify,
  });
  requireTrusted(verdict);
}
