/** What a log answers to its operator, in JSON: an entry that was admitted, or one that was not, item by item of the policy. */
import { z } from 'zod';
import { errorBody } from './bodies.ts';

export const judged = z.object({
  item: z.string(),
  /** `unchecked`: it could not be asked, because of an item that failed; never good news. */
  result: z.enum(['passed', 'failed', 'unchecked']),
  /** What must hold, or what does not. */
  words: z.string(),
  evidence: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type Judged = Readonly<z.output<typeof judged>>;

/** 200. `items` is empty for an entry that was in the log already. */
export const admitted = z.object({ index: z.int().min(0), checkpoint: z.string(), items: z.array(judged) });

/** 422, with the first item that failed in the message. */
export const notAdmitted = errorBody.extend({ items: z.array(judged) });
