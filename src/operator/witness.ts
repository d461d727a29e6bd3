/**
 * The witness organisation's log, over HTTPS: read as anyone reads it, and handed entries and cosignatures over mutual TLS, by
 * the TLS key that its configuration pins. What is read is checked by watch.ts.
 */
import { fromUtf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { readNamed } from '../files/configuration.ts';
import { formatNote, type Note } from '../log/note.ts';
import { type Tile, tilePath } from '../log/tile.ts';
import type { OperatorConfig } from './config.ts';
import type { LogReader } from './watch.ts';
import { Web, type WebOptions } from './web.ts';

export interface WitnessPort extends LogReader {
  /** A signed entry. @throws what the policy of the witness refuses, naming the item */
  submit(note: string): Promise<void>;
  /** The checkpoint with the operator's cosignature and no other. */
  countersign(note: Note): Promise<void>;
}

const NOTE_TYPE = 'text/plain; charset=utf-8';

export function connectWitness(
  { witness: { url, operatorUrl, authorityFile } }: OperatorConfig,
  credentials: NonNullable<WebOptions['credentials']>,
): WitnessPort & { close(): Promise<void> } {
  const authority = authorityFile === undefined ? undefined : readNamed(authorityFile, 'witness.authorityFile');
  const anyone = new Web({ authority });
  const known = new Web({ authority, credentials });
  return {
    checkpoint: async () => {
      const bytes = await anyone.get(`${url}/checkpoint`);
      return bytes && fromUtf8(bytes);
    },
    tile: async (tile: Tile) => {
      const path = tilePath(tile);
      return (await anyone.get(`${url}/${path}`)) ?? fail('not-found', 'the log does not have a tile that its tree has', { path });
    },
    submit: async (note) => {
      await known.post(`${operatorUrl}/entries`, NOTE_TYPE, note);
    },
    countersign: async (note) => {
      await known.post(`${operatorUrl}/cosignatures`, NOTE_TYPE, formatNote(note));
    },
    close: async () => {
      await Promise.all([anyone.close(), known.close()]);
    },
  };
}
