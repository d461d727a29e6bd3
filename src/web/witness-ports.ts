/** What a witness's listeners ask of the witness behind them; src/witness implements it. */
import type { Judged } from '../api/log.ts';
import type { Id } from '../base/bytes.ts';
import type { Tile } from '../log/tile.ts';

export interface WitnessPort {
  /**
   * The body as it came. @returns the signature line, or why not, by the status of tlog-witness
   * @throws `malformed`, `too-large`, what the token refuses with
   */
  addCheckpoint(
    body: string,
  ): Promise<
    | { readonly line: string }
    | { readonly status: 400 | 403 | 404 | 422; readonly why: string }
    | { readonly status: 409; readonly why: string; readonly size: number }
  >;
  /** The latest cosigned checkpoint of the log with this hash of its origin. */
  monitored(originHash: Id): Promise<string | undefined>;
  tokenState(): 'up' | 'away' | 'dead';
}

export interface LogPort {
  /** Nothing until there is one. */
  checkpoint(): Promise<string | undefined>;
  tile(tile: Tile): Promise<Uint8Array | undefined>;
  /** As JSON. */
  policy(): object;
  root(version: number): string | undefined;
  numbers(): LogNumbers;
}

/** For metrics. */
export interface LogNumbers {
  readonly entries: number;
  /** Leaves of the published checkpoint. */
  readonly published: number;
  /** When those whom the roots name cosigned it, in seconds since 1970; 0 for who did not. */
  readonly cosigned: readonly { readonly name: string; readonly seconds: number }[];
  /** By item of the policy. */
  readonly refused: ReadonlyMap<string, number>;
}

/** An entry that is in the log, or the first item of the policy that it fails; `items` tell all. */
export type Submitted =
  | { readonly index: number; readonly checkpoint: string; readonly items: readonly Judged[] }
  | { readonly failed: Judged; readonly items: readonly Judged[] };

export interface SubmitPort {
  /** @param entry the signed entry as it came */
  submit(entry: string): Promise<Submitted>;
  /**
   * @param note the published checkpoint with the operator's cosignature @returns the checkpoint, with all cosignatures
   * @throws `checkpoint-moved`, `not-signed`, `malformed`
   */
  countersign(note: string): Promise<string>;
}
