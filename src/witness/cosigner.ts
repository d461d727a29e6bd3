/**
 * The witness key at work: it cosigns a checkpoint only once it is recorded, durably, as the latest of its log. So, killed at
 * any instruction, this witness never cosigns two trees of one size, nor a smaller one after a larger (c2sp.org/tlog-witness,
 * "add-checkpoint"). What it holds of a log is read back at every request: the disk has the last word, and who puts back an
 * older one is noticed by the token's memory (memory.ts).
 *
 *   cosigned/<SHA-256 of the origin, hex>/latest.json   {"origin", "size", "root"}: written before the key signs
 *   cosigned/<SHA-256 of the origin, hex>/checkpoint    the checkpoint as the log signed it, with our cosignature: public
 */
import { z } from 'zod';
import { fromBase64, toBase64 } from '../base/base64.ts';
import { type Id, utf8 } from '../base/bytes.ts';
import { alarm } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { Files } from '../files/files.ts';
import type { TreeHead } from '../log/checkpoint.ts';
import { cosign } from '../log/cosignature.ts';
import { formatNote, formatSignatureLine, signaturesOf } from '../log/note.ts';
import type { SignBytes, Vkey } from '../log/vkey.ts';
import { hash } from '../wire/signed.ts';
import { type AddCheckpoint, EMPTY_TREE, parseAddCheckpoint, type Refusal, refusalOf, type WitnessedLog } from './add-checkpoint.ts';
import { type Memory, requireNotBehind } from './memory.ts';
import { Turns } from './turns.ts';

export interface CosignerParts {
  /** Of type 0x04. */
  readonly vkey: Vkey;
  /** By the witness key in the token. */
  readonly sign: SignBytes;
  readonly logs: readonly WitnessedLog[];
  readonly files: Files;
  /** In the token. */
  readonly memory: Memory;
  readonly clock: Clock;
  /** Told of a checkpoint that a log signed and that does not hold the tree it signed before: that may be proof of two histories. */
  readonly onInconsistent: (checkpoint: string, latest: TreeHead, why: string) => void;
}

/** The signature line, without its line feed, or the refusal. */
export type Cosigned = { readonly line: string } | Refusal;

const record = z.strictObject({ origin: z.string(), size: z.int().min(0), root: z.string() });

export class Cosigner {
  readonly vkey: Vkey;
  readonly #parts: CosignerParts;
  readonly #logs: ReadonlyMap<string, { readonly log: WitnessedLog; readonly turns: Turns }>;

  constructor(parts: CosignerParts) {
    this.vkey = parts.vkey;
    this.#parts = parts;
    this.#logs = new Map(parts.logs.map((log) => [log.origin, { log, turns: new Turns() }]));
  }

  /**
   * The body of a request, as it came.
   * @throws `malformed`, `too-large`; what the token refuses with
   */
  async addCheckpoint(body: string): Promise<Cosigned> {
    return await this.cosign(parseAddCheckpoint(body));
  }

  /** Comparing with the latest and recording are one step: no other request for this log comes between. */
  async cosign(asked: AddCheckpoint): Promise<Cosigned> {
    const known = this.#logs.get(asked.checkpoint.origin);
    if (known === undefined) return refusalOf(asked, undefined, EMPTY_TREE) as Refusal;
    return await known.turns.take(async () => {
      const { log } = known;
      const latest = await this.latest(log.origin);
      const refusal = refusalOf(asked, log, latest);
      if (refusal?.status === 422) this.#parts.onInconsistent(formatNote(asked.note), latest, refusal.why);
      if (refusal !== undefined) return refusal;
      const { clock, sign, files, memory } = this.#parts;
      requireNotBehind(log.origin, latest, await memory.latest(log.origin));
      await this.#record(asked);
      await memory.remember(log.origin, asked.checkpoint);
      const { note } = asked;
      const line = await cosign(note.text, this.vkey, Math.floor(clock() / 1000), sign);
      const signatures = [...log.vkeys.flatMap((vkey) => signaturesOf(note, vkey).slice(0, 1)), line];
      await files.write(`${folderOf(log.origin)}/checkpoint`, formatNote({ text: note.text, signatures }));
      return { line: formatSignatureLine(line) };
    });
  }

  /** @throws `alarm` for a record that is behind what the token remembers: to be asked before anything is served */
  async requireNotBehind(): Promise<void> {
    for (const origin of this.#logs.keys()) requireNotBehind(origin, await this.latest(origin), await this.#parts.memory.latest(origin));
  }

  /** The largest tree of this log that was, or is about to be, cosigned. */
  async latest(origin: string): Promise<TreeHead> {
    const bytes = await this.#parts.files.read(`${folderOf(origin)}/latest.json`);
    if (bytes === undefined) return EMPTY_TREE;
    const read = record.safeParse(parseJson(bytes));
    if (!read.success || read.data.origin !== origin) return alarm('the record of what was cosigned is damaged', { origin });
    return { size: read.data.size, root: fromBase64(read.data.root) };
  }

  /** The checkpoint cosigned last of the log with this hash of its origin, for monitors. */
  async monitored(originHash: Id): Promise<string | undefined> {
    return (await this.#parts.files.read(`cosigned/${originHash}/checkpoint`))?.toString('utf8');
  }

  /** Resolves once nothing is being cosigned. */
  async idle(): Promise<void> {
    await Promise.all([...this.#logs.values()].map(({ turns }) => turns.idle()));
  }

  async #record({ checkpoint: { origin, size, root } }: AddCheckpoint): Promise<void> {
    const text = JSON.stringify({ origin, size, root: toBase64(root) } satisfies z.input<typeof record>);
    await this.#parts.files.write(`${folderOf(origin)}/latest.json`, `${text}\n`);
  }
}

const folderOf = (origin: string): string => `cosigned/${hash(utf8(origin))}`;

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
