/**
 * What an operator's command works with: its keys, its memory, the witness and the nodes. Opened from the configuration by
 * open-desk.ts; tests put other witnesses and nodes in their place, and end a command at any step.
 */
import type { Clock } from '../base/ports.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import type { NoteSignature } from '../log/note.ts';
import type { SignBytes, Vkey } from '../log/vkey.ts';
import type { Root } from '../trust/root.ts';
import type { Verify } from '../wire/signed.ts';
import type { Planned } from './draft.ts';
import type { NodesPort } from './nodes.ts';
import type { OperatorState } from './state.ts';
import type { WitnessPort } from './witness.ts';

export interface Roots {
  /** The text of the first: what clients pin, at the earliest. */
  readonly first: string;
  /** Those after it: they travel in bundles. */
  readonly chain: readonly string[];
  readonly latest: Root;
  /** The key of the log in each, the newest last: a log goes on under its name when its key is replaced. */
  readonly logs: readonly Vkey[];
}

export interface Desk {
  readonly roots: Roots;
  readonly state: OperatorState;
  readonly witness: WitnessPort;
  readonly nodes: NodesPort;
  /** What the configuration plans, read from the ceremonies' transcripts. */
  readonly fleets: readonly Planned[];
  readonly validDays: number;
  readonly thirdParties: number;
  /** For cosignatures to come in. */
  readonly cosignaturesLimitMs: number;
  /** The lines of as many release keys as the roots want, under the entry. */
  readonly release: (entry: FleetEntry) => Promise<readonly NoteSignature[]>;
  /** By the operator's cosigning key. */
  readonly cosign: SignBytes;
  readonly verify: Verify;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  readonly report: (progress: Progress) => void;
}

/** What a command is doing, for who watches. */
export interface Progress {
  readonly step: 'look' | 'draft' | 'release' | 'nodes' | 'submit' | 'countersign' | 'cosignatures' | 'bundle' | 'deliver';
  readonly words: string;
}
