/**
 * A log of fleet entries at work: judges an entry by the policy, decides, publishes its tiles, signs the checkpoint, has it
 * cosigned by this witness and by third parties, and takes the operator's cosignature. One thing at a time.
 *
 *   judge -> decide (durable) -> tiles -> sign -> cosign (recorded first) -> checkpoint -> third parties -> checkpoint
 *
 * Killed at any arrow it goes on from what was decided: never two entries at one place, never two trees of one size. Called by
 * the listeners through `LogPort` and `SubmitPort`.
 */
import { equalBytes, type Id, utf8 } from '../../base/bytes.ts';
import { alarm, HoldfastError } from '../../base/errors.ts';
import type { Clock } from '../../base/ports.ts';
import type { Files } from '../../files/files.ts';
import type { FleetEntry } from '../../fleet/entry.ts';
import { checkpointText, parseCheckpoint } from '../../log/checkpoint.ts';
import { cosignatureTime } from '../../log/cosignature.ts';
import { consistencyProof, type HashReader, leafHash, type MemoryTree, nodeHash, treeRoot } from '../../log/merkle.ts';
import { formatNote, type Note, type NoteSignature, parseSignatureLine, signaturesOf, signNote } from '../../log/note.ts';
import type { Tile } from '../../log/tile.ts';
import type { SignBytes, Vkey } from '../../log/vkey.ts';
import type { SignedEntry } from '../../trust/signed-entry.ts';
import type { LogNumbers, LogPort, SubmitPort, Submitted } from '../../web/witness-ports.ts';
import type { Verify } from '../../wire/signed.ts';
import type { Cosigner } from '../cosigner.ts';
import type { ThirdParties } from '../third-parties.ts';
import { Turns } from '../turns.ts';
import type { AttestationRoots } from './attestation.ts';
import { countersignatureOf, withSignatures } from './checkpoint-file.ts';
import { decide } from './decision.ts';
import { filesOf } from './evidence.ts';
import { type FetchLimits, fetchEvidence } from './fetch.ts';
import { type Facts, firstFailed, isAdmitted, type Judgement, judge, publishedItems } from './policy.ts';
import { CHECKPOINT, publishTiles, readTile, removeNarrower } from './publish.ts';
import { recoverLog } from './recover.ts';
import type { LogRoots } from './roots.ts';

export interface LogParts {
  /** Of type 0x01; its name is the origin. */
  readonly vkey: Vkey;
  readonly sign: SignBytes;
  readonly roots: Pick<LogRoots, 'newest' | 'logKeys' | 'replaced' | 'text' | 'follow'>;
  /** This witness, which knows this log. */
  readonly cosigner: Cosigner;
  readonly thirdParties: ThirdParties;
  readonly files: Files;
  readonly clock: Clock;
  readonly verify: Verify;
  readonly measurements: readonly Id[] | undefined;
  readonly attestationRoots: AttestationRoots;
  readonly evidence: FetchLimits;
  /** After it nothing is done any more: only a new process can go on. */
  readonly onFailure: (error: unknown) => void;
}

/** Cosignatures that are younger are not made anew. */
const YOUNG_MS = 60_000;

export class KeptLog implements LogPort, SubmitPort {
  readonly #parts: LogParts;
  readonly #tree: MemoryTree;
  readonly #leaves: Uint8Array[];
  readonly #entries: FleetEntry[];
  readonly #turns = new Turns();
  /** How many entries failed an item of the policy first, since the start. */
  readonly #refused = new Map<string, number>(publishedItems.map(({ item }) => [item, 0]));
  #published: Note | undefined;
  #cosignedMs = Number.NEGATIVE_INFINITY;
  #failed: unknown;

  private constructor(parts: LogParts, { tree, leaves, entries, published }: Awaited<ReturnType<typeof recoverLog>>) {
    this.#parts = parts;
    this.#tree = tree;
    this.#leaves = [...leaves];
    this.#entries = [...entries];
    this.#published = published?.note;
  }

  /** Ends what a crash left undone. @throws `alarm` for a log that is not the one that was signed */
  static async open(parts: LogParts): Promise<KeptLog> {
    const { files, vkey, cosigner, roots } = parts;
    const recovered = await recoverLog(files, roots.logKeys, await cosigner.latest(vkey.name));
    const log = new KeptLog(parts, recovered);
    await log.#inTurn(() => removeNarrower(files, 0, log.#tree.size));
    return log;
  }

  async checkpoint(): Promise<string | undefined> {
    const bytes = await this.#parts.files.read(CHECKPOINT);
    return bytes?.toString('utf8');
  }

  tile(tile: Tile): Promise<Uint8Array | undefined> {
    return readTile(this.#parts.files, tile);
  }

  numbers(): LogNumbers {
    const note = this.#published;
    const { newest } = this.#parts.roots;
    const at = (vkey: Vkey) => ({ name: vkey.name, seconds: (note && cosignatureTime(note, vkey)) ?? 0 });
    return {
      entries: this.#tree.size,
      published: note === undefined ? 0 : parseCheckpoint(note.text).size,
      cosigned: [newest.witness, newest.operator, ...newest.thirdParties].map(at),
      refused: this.#refused,
    };
  }

  root(version: number): string | undefined {
    this.#parts.roots.follow();
    return this.#parts.roots.text(version);
  }

  policy(): object {
    const { roots, vkey, measurements, evidence, attestationRoots } = this.#parts;
    const { namespace, version } = roots.newest;
    return {
      type: 'holdfast/admission-policy/v1',
      origin: vkey.name,
      namespace,
      roots: version,
      items: publishedItems,
      measurements: measurements ?? null,
      attestationRoots: [...attestationRoots].map(([format, all]) => ({ format, roots: all.map(({ fingerprint256 }) => fingerprint256) })),
      evidenceBytesMax: evidence.bytesMax,
      evidenceLimitMs: evidence.limitMs,
    };
  }

  submit(text: string): Promise<Submitted> {
    return this.#inTurn(async () => {
      const index = this.#indexOf(text);
      if (index !== undefined) return { index, checkpoint: this.#text(), items: [] };
      const judgement = await this.#judge(text);
      const failed = firstFailed(judgement);
      if (failed !== undefined) {
        this.#refused.set(failed.item, (this.#refused.get(failed.item) ?? 0) + 1);
        return { failed, items: judgement.items };
      }
      const { signed, items } = judgement;
      if (signed === undefined || !isAdmitted(judgement)) return alarm('an entry without a failed item was not judged as a whole');
      await this.#append(signed);
      return { index: this.#tree.size - 1, checkpoint: this.#text(), items };
    });
  }

  countersign(sent: string): Promise<string> {
    return this.#inTurn(async () => {
      const { roots, clock } = this.#parts;
      const published = this.#checkpointNote();
      const line = countersignatureOf(sent, published, roots.newest.operator, clock());
      await this.#write(withSignatures(published, [line]));
      if (clock() - this.#cosignedMs > YOUNG_MS) await this.#cosign();
      return this.#text();
    });
  }

  /** Cosigns anew, with the time, and asks third parties: clients want cosignatures that are fresh. */
  refresh(): Promise<void> {
    return this.#inTurn(() => this.#cosign());
  }

  async #cosign(): Promise<void> {
    const note = this.#checkpointNote();
    await this.#write(withSignatures(note, [await this.#cosignature(note)]));
    await this.#gather();
  }

  async idle(): Promise<void> {
    await this.#turns.idle();
  }

  /** Twice: nothing is fetched for an entry that fails by itself. */
  async #judge(text: string): Promise<Judgement> {
    const { roots, verify, measurements, clock, evidence, attestationRoots } = this.#parts;
    const facts: Facts = {
      nowMs: clock(),
      admitted: this.#entries,
      root: roots.newest,
      verify,
      measurements: measurements && new Set(measurements),
      attestationRoots,
      fetched: undefined,
    };
    const first = judge(text, facts);
    if (first.signed === undefined || firstFailed(first) !== undefined) return first;
    return judge(text, { ...facts, fetched: await fetchEvidence(filesOf(first.signed.entry, this.#entries), evidence) });
  }

  async #append({ leaf, text, entry }: SignedEntry): Promise<void> {
    const { size } = this.#tree;
    const hash = leafHash(leaf);
    await decide(this.#parts.files, { size: size + 1, root: await treeRoot(size + 1, withLeaf(this.#tree, hash)), entry: text });
    this.#tree.append(hash);
    this.#leaves.push(leaf);
    this.#entries.push(entry);
    await this.#publish();
  }

  /** What is decided and not published yet: after a crash, while the token was away, or under a key that was replaced since. */
  async #publish(): Promise<void> {
    const { files, vkey, sign } = this.#parts;
    const before = this.#published && parseCheckpoint(this.#published.text).size;
    const { size } = this.#tree;
    const kept = this.#published;
    if (kept !== undefined && before === size && signaturesOf(kept, vkey).length > 0) return;
    await publishTiles(files, before ?? 0, this.#tree, this.#leaves);
    const text = checkpointText({ origin: vkey.name, size, root: await treeRoot(size, this.#tree.read) });
    // Of the same tree, what others cosigned goes on counting.
    const note = { text, signatures: [await signNote(text, vkey, sign), ...(kept?.text === text ? kept.signatures : [])] };
    await this.#write(withSignatures(note, [await this.#cosignature(note)]));
    await removeNarrower(files, before ?? 0, size);
    await this.#gather();
  }

  /** By this witness. Its record says what it cosigned last, whoever asked it to. */
  async #cosignature(note: Note): Promise<NoteSignature> {
    const { cosigner, vkey, clock } = this.#parts;
    const checkpoint = parseCheckpoint(note.text);
    const { size: old } = await cosigner.latest(vkey.name);
    if (old > checkpoint.size) return alarm('this witness cosigned a larger tree of its own log', { cosigned: old, size: checkpoint.size });
    const proof = await consistencyProof(old, checkpoint.size, this.#tree.read);
    const cosigned = await cosigner.cosign({ old, proof, note, checkpoint });
    if (!('line' in cosigned)) return alarm(`this witness does not cosign its own log: ${cosigned.why}`, { size: checkpoint.size });
    this.#cosignedMs = clock();
    return parseSignatureLine(cosigned.line);
  }

  async #gather(): Promise<void> {
    const note = this.#checkpointNote();
    const { size, read } = this.#tree;
    const lines = await this.#parts.thirdParties.cosign({ text: note.text, checkpoint: formatNote(note), size, read });
    if (lines.length > 0) await this.#write(withSignatures(note, lines));
  }

  async #write({ text, signatures }: Note): Promise<void> {
    const { replaced } = this.#parts.roots;
    const note = {
      text,
      signatures: signatures.filter((line) => !replaced.some((key) => signaturesOf({ signatures: [line] }, key).length > 0)),
    };
    await this.#parts.files.write(CHECKPOINT, formatNote(note));
    this.#published = note;
  }

  #checkpointNote(): Note {
    return this.#published ?? alarm('a log that is open has a checkpoint');
  }

  #text(): string {
    return formatNote(this.#checkpointNote());
  }

  /** Of a leaf that is in the log already: its submission is being repeated, because an answer was lost. */
  #indexOf(text: string): number | undefined {
    const index = this.#leaves.findLastIndex((leaf) => equalBytes(leaf, utf8(text)));
    return index < 0 ? undefined : index;
  }

  /**
   * One at a time, and nothing before what was decided is published. What is thrown that has no code comes from the disk: whether
   * something was decided is then unknown here, and only a start that reads it anew goes on.
   */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      if (this.#failed !== undefined) return alarm('the disk of the log failed: start this witness anew');
      try {
        this.#parts.roots.follow();
        await this.#publish();
        return await run();
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code === 'alarm') {
          this.#failed = error;
          this.#parts.onFailure(error);
        }
        throw error;
      }
    });
  }
}

/** A tree with one more leaf, which stays as it is. */
function withLeaf(tree: MemoryTree, leaf: Uint8Array): HashReader {
  const { size } = tree;
  const read: HashReader = async (level, index) => {
    if ((index + 1) * 2 ** level <= size) return await tree.read(level, index);
    return level === 0 ? leaf : nodeHash(await read(level - 1, 2 * index), await read(level - 1, 2 * index + 1));
  };
  return read;
}
