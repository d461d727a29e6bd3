/**
 * Bundles: all that a client needs to check a fleet entry offline, as one line of JSON (docs/transparency.md, "Bundle"). Nodes
 * serve it in their answers, evidence folders hold it. Its parts stay the texts that were signed or logged.
 *
 *   bundle digest = SHA-256( the line's UTF-8 bytes, without a line feed )
 */
import { z } from 'zod';
import { type Id, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { hash } from '../wire/signed.ts';

const BUNDLE_TYPE = 'holdfast/bundle/v1';
export const BUNDLE_BYTES_MAX = 256 * 1024;

const schema = z.strictObject({ type: z.literal(BUNDLE_TYPE), entry: z.string(), proof: z.string(), roots: z.array(z.string()) });

export interface BundleParts {
  /** The signed entry: a leaf of the log. */
  readonly entry: string;
  /** A tlog-proof with the checkpoint and all cosignatures. */
  readonly proof: string;
  /** The chain of roots after the first one. */
  readonly roots: readonly string[];
}

export interface Bundle extends BundleParts {
  /** As shipped, without a line feed. */
  readonly line: string;
  readonly digest: Id;
}

/**
 * Its form only: see `verifyBundle`.
 * @param text the line, with or without its line feed
 * @throws `malformed`, `too-large`
 */
export function parseBundle(text: string): Bundle {
  const line = text.endsWith('\n') ? text.slice(0, -1) : text;
  // Counted twice: what is far too long is not even encoded.
  if (line.length > BUNDLE_BYTES_MAX) fail('too-large', `a bundle has at most ${BUNDLE_BYTES_MAX} bytes`, { got: line.length });
  const bytes = utf8(line);
  if (bytes.length > BUNDLE_BYTES_MAX) fail('too-large', `a bundle has at most ${BUNDLE_BYTES_MAX} bytes`, { got: bytes.length });
  const read = schema.safeParse(readJson(line));
  if (!read.success) {
    const [issue] = read.error.issues;
    return fail('malformed', `the bundle: ${issue?.path.join('.') || 'the line'}: ${issue?.message}`);
  }
  const { entry, proof, roots } = read.data;
  // One spelling: a bundle is named by its digest, and what two parsers could read in two ways is refused.
  if (spell({ entry, proof, roots }) !== line) return fail('malformed', 'the bundle is not in its one spelling');
  return { entry, proof, roots, line, digest: hash(bytes) };
}

/** @throws `malformed`, `too-large` */
export function makeBundle(parts: BundleParts): Bundle {
  return parseBundle(spell(parts));
}

function spell({ entry, proof, roots }: BundleParts): string {
  return JSON.stringify({ type: BUNDLE_TYPE, entry, proof, roots });
}

function readJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return fail('malformed', 'the bundle is not JSON');
  }
}
