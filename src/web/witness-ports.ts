/** What a witness's listeners ask of the witness behind them; src/witness implements it. */
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
  tile(tile: Tile): Promise<Buffer | undefined>;
  /** As JSON. */
  policy(): object;
  root(version: number): string | undefined;
}
