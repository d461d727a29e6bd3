/** Where a client keeps what must survive a crash. One memo for each slot; the spelling is that of the API. */
import { z } from 'zod';
import { decodeText } from '../api/json.ts';
import { binary, checked, confirmed, id, REGISTRATION_BYTES_MAX, signedStatement, votes } from '../api/values.ts';
import type { Id } from '../base/bytes.ts';
import type { Memo } from '../quorum/client/effects.ts';

export interface MemoStore {
  load(slot: Id): Promise<Memo>;
  /** Resolved once it is durable. */
  save(slot: Id, memo: Memo): Promise<void>;
}

const memo = z.strictObject({
  deposit: z
    .strictObject({
      registration: binary(REGISTRATION_BYTES_MAX),
      activation: signedStatement,
      approval: signedStatement.exactOptional(),
      votes: votes.exactOptional(),
      told: z.literal(true).exactOptional(),
      note: z.string().exactOptional(),
    })
    .exactOptional(),
  attempt: z.strictObject({ generation: z.int(), digest: id, attempt: z.int(), element: checked, blind: binary(32) }).exactOptional(),
  confirmation: confirmed.exactOptional(),
});

/** @throws `malformed`: a memo that does not parse must not be taken for an empty one */
export function parseMemo(text: string): Memo {
  return decodeText<Memo>(memo, text, 'what a client keeps of a slot');
}

export function spellMemo(value: Memo): string {
  return JSON.stringify(z.encode(memo, value as z.output<typeof memo>));
}

/** For tests and for pages that may forget: an interrupted guess is then lost. */
export function memoryMemos(): MemoStore {
  const texts = new Map<Id, string>();
  return {
    load: async (slot) => parseMemo(texts.get(slot) ?? '{}'),
    save: async (slot, value) => void texts.set(slot, spellMemo(value)),
  };
}
