/** What the victim and its judge have to agree on. */
import { createHash } from 'node:crypto';
import { type Id, toHex } from '../../../src/base/bytes.ts';

export const PAGES = 3;
/** Few enough objects, and slots in a digest, that every few commits a digest is made or a page is folded. */
export const BANK_OPTIONS = { objectsMax: 12 + PAGES + 6, digestMax: 12 };
export const SLOTS = Array.from({ length: 5 }, (_, n) => toHex(createHash('sha256').update(`slot ${n}`).digest()) as Id);
