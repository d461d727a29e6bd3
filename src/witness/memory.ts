/**
 * The token's memory of what this witness cosigned last, log by log. The record in the folder says the same, and a folder can be
 * put back: from a backup, a snapshot of the machine, by whoever holds the disk. This witness would then cosign a second tree of
 * a size that it has cosigned; with the token's word it refuses. (A token of class `host` keeps its objects on the same host: put
 * both back together and only others, who saw the later tree, notice.)
 *
 *   value kept under SHA-256 of the origin, in hex:  u64 size | 32 root
 */
import { concatBytes, equalBytes, utf8 } from '../base/bytes.ts';
import { alarm } from '../base/errors.ts';
import type { TreeHead } from '../log/checkpoint.ts';
import type { Signers } from '../token/index.ts';
import { hash } from '../wire/signed.ts';

export interface Memory {
  latest(origin: string): Promise<TreeHead | undefined>;
  /** Resolves once the token holds it. */
  remember(origin: string, head: TreeHead): Promise<void>;
}

const VALUE_BYTES = 8 + 32;

export function memoryOf({ keep, kept }: Pick<Signers, 'keep' | 'kept'>): Memory {
  const nameOf = (origin: string): string => hash(utf8(origin));
  return {
    latest: async (origin) => {
      const heads = (await kept(nameOf(origin))).filter(({ length }) => length === VALUE_BYTES).map(read);
      return heads.reduce<TreeHead | undefined>((last, head) => (last === undefined || head.size > last.size ? head : last), undefined);
    },
    remember: (origin, head) => keep(nameOf(origin), spell(head)),
  };
}

function read(value: Uint8Array): TreeHead {
  return { size: Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0)), root: value.slice(8) };
}

function spell({ size, root }: TreeHead): Uint8Array {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(size));
  return concatBytes(head, root);
}

/** @param recorded in the folder, which is written before the token @throws `alarm` when the token knows a later tree, or another */
export function requireNotBehind(origin: string, recorded: TreeHead, remembered: TreeHead | undefined): void {
  if (remembered === undefined || recorded.size > remembered.size) return;
  if (recorded.size === remembered.size && equalBytes(recorded.root, remembered.root)) return;
  alarm('the record of what was cosigned is behind what the token remembers: the folder was put back. Put back the newest copy', {
    origin,
    recorded: recorded.size,
    remembered: remembered.size,
  });
}
