/**
 * The fleet entry: what a client knows of a deployment's fleets before it seals anything. One line of JSON, signed as
 * shipped and never serialised again; a pinned file and a leaf of the transparency log are the same line, read by this
 * parser. Nodes, clients, the ceremony and the witness read it here; docs/formats.md draws it.
 *
 *   entry digest = SHA-256( the line's UTF-8 bytes, without a line feed )
 *
 * An entry that lies about an id is refused: node ids and fleet ids are computed from the keys and compared. So is one that
 * another parser may read differently: a member twice, a number or a string in another spelling, white space.
 */
import { p256 } from '@noble/curves/nist.js';
import { z } from 'zod';
import { fromBase64url, type Id, isId, NO_ID, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { hash } from '../wire/signed.ts';
import { type Fleet, makeFleet } from './fleet.ts';

const ENTRY_TYPE = 'holdfast/fleet-bundle/v1';

/**
 * UTF-8 bytes of a line. A leaf of the log has at most 65,535 bytes and is the line with its signatures: 16 KiB are left for
 * them, about 80. Seven fleets of seven nodes with evidence and attestations take three quarters of it.
 */
const ENTRY_BYTES_MAX = 48 * 1024;

const word = z.string().min(1).max(255);
const id = z.custom<Id>((value) => typeof value === 'string' && isId(value), 'expected 64 lower-case hex digits');

/** Compressed SEC 1, unpadded base64url: 33 bytes are 44 letters without stray bits. */
const point = z
  .string()
  .length(44)
  .transform((text, context) => {
    try {
      const bytes = fromBase64url(text);
      p256.Point.fromBytes(bytes);
      return bytes;
    } catch {
      context.issues.push({ code: 'custom', message: 'expected a point of P-256, 33 bytes compressed', input: text });
      return z.NEVER;
    }
  });

/** To the second and in UTC: one spelling. Read as milliseconds since 1970. */
const time = z.iso.datetime({ precision: 0 }).transform((text) => Date.parse(text));

const tokenKind = z.strictObject({
  model: word,
  /** Where token objects live: in the device, or as files on its host, where a rolled back disk rolls back the counters. */
  class: z.enum(['device', 'host']),
  /** Protects nothing. */
  simulated: z.boolean(),
});

/** What the token's maker signed about the sealing key itself, of any make: SHA-256 of the file at `url`. */
const attestation = z.strictObject({ format: word, digest: id, url: z.url().max(255) });

const node = z.strictObject({
  id,
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  role: word.optional(),
  region: word,
  operator: word,
  identityKey: point,
  sealingKey: point,
  token: tokenKind,
  attestation: attestation.optional(),
  /** Where clients reach it. */
  url: z.url({ protocol: /^https$/ }).max(255),
});

const fleet = z.strictObject({
  /** `active`: registrations go here. `retiring`: recovers, and clients move away. `retired`: its sealing keys are destroyed. */
  state: z.enum(['active', 'retiring', 'retired']),
  /** Since when the state holds. */
  since: time,
  id,
  quorum: z.int(),
  threshold: z.int(),
  nodes: z.array(node).max(7),
  /**
   * How many other nodes must vouch for one that has started before it votes: by default n-q+1, as few as are safe. More find out
   * tokens that were put back together, and need more nodes that live.
   */
  rejoinAnswers: z.int().optional(),
  /** Code that these nodes may run, and how anyone rebuilds it. */
  measurements: z.array(z.strictObject({ digest: id, rebuild: word })).max(16),
  /** What was published about the fleet's making: SHA-256 of the file at `url`. */
  evidence: z.array(z.strictObject({ about: word, digest: id, url: z.url().max(255) })).max(64),
  /** Nodes that do not sign this entry, each with the digest of the last one that it did sign. */
  absent: z
    .array(z.strictObject({ node: id, signed: id }))
    .min(1)
    .max(7)
    .optional(),
});

const entry = z.strictObject({
  type: z.literal(ENTRY_TYPE),
  namespace: z.string().min(1).max(255),
  sequence: z.int().min(1),
  /** Digest of the entry before; zeros in the first. */
  previous: id,
  validFrom: time,
  validUntil: time,
  fleets: z.array(fleet).min(1).max(32),
});

/** A fleet as an entry's line spells it. */
export type FleetInput = z.input<typeof fleet>;
export type EntryNode = z.output<typeof node>;

export interface EntryFleet extends Omit<z.output<typeof fleet>, 'id' | 'quorum' | 'threshold'> {
  /** Id, quorum, threshold and keys, as the protocol takes them; `nodes` beside it are in the same order. */
  readonly fleet: Fleet;
}

export interface FleetEntry extends Omit<z.output<typeof entry>, 'type' | 'fleets'> {
  /** As shipped, without a line feed. */
  readonly line: string;
  readonly digest: Id;
  readonly fleets: readonly EntryFleet[];
}

/**
 * @param text the line, with or without its line feed
 * @throws `malformed` naming the member at fault, `too-large`
 */
export function parseEntry(text: string): FleetEntry {
  const line = text.endsWith('\n') ? text.slice(0, -1) : text;
  const bytes = utf8(line);
  if (bytes.length > ENTRY_BYTES_MAX) fail('too-large', `a fleet entry has at most ${ENTRY_BYTES_MAX} bytes`, { got: bytes.length });
  const { type: _, fleets: spelled, ...read } = readLine(line);
  if (read.validFrom >= read.validUntil) fail('malformed', 'validUntil: expected a time after validFrom');
  if ((read.sequence === 1) !== (read.previous === NO_ID)) fail('malformed', 'previous: expected zeros in the first entry, and only there');
  const fleets = spelled.map((one) => checkFleet(read.namespace, one));
  // One key in two fleets would outlive the destruction of a retired fleet's keys.
  const keys = fleets.flatMap(({ nodes }) => nodes.flatMap((one) => [one.identityKey, one.sealingKey])).map(hash);
  if (new Set(keys).size !== keys.length) fail('malformed', 'fleets: every identity and sealing key must be different');
  return { ...read, fleets, line, digest: hash(bytes) };
}

function readLine(line: string): z.output<typeof entry> {
  const value = parseJson(line);
  const read = entry.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    return fail('malformed', `the fleet entry: ${issue?.path.join('.') || 'the line'}: ${issue?.message}`);
  }
  // JSON leaves open which of two equal members counts (RFC 8259, section 4): what was signed must mean one thing only. Asked
  // after the schema, which knows no depth at which JSON.stringify would overflow the stack.
  if (JSON.stringify(value) !== line) fail('malformed', 'the fleet entry is not in its one spelling: no white space, no member twice');
  return read.data;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return fail('malformed', 'the fleet entry is not JSON');
  }
}

function checkFleet(namespace: string, { id: claimed, quorum, threshold, ...rest }: z.output<typeof fleet>): EntryFleet {
  const computed = makeFleet(namespace, quorum, threshold, rest.nodes);
  for (const [i, one] of rest.nodes.entries()) {
    const { id: actual } = computed.nodes[i] ?? fail('alarm', 'a fleet lost a node');
    if (one.id !== actual)
      fail('malformed', 'the id of a node is not that of its identity key', { node: one.name, claimed: one.id, actual });
  }
  if (claimed !== computed.id) fail('malformed', 'the id of a fleet is not that of its members', { claimed, actual: computed.id });
  const names = new Set(rest.nodes.map((one) => one.name));
  if (names.size !== rest.nodes.length) fail('malformed', 'two nodes of a fleet have the same name', { fleet: claimed });
  const { rejoinAnswers } = rest;
  const least = rest.nodes.length - quorum + 1;
  if (rejoinAnswers !== undefined && (rejoinAnswers < least || rejoinAnswers >= rest.nodes.length))
    fail('malformed', `rejoinAnswers: expected ${least} to ${rest.nodes.length - 1}`, { fleet: claimed });
  const absent = new Set(rest.absent?.map(({ node: one }) => one));
  if (absent.size !== (rest.absent?.length ?? 0) || ![...absent].every((one) => computed.nodes.some(({ id: member }) => member === one)))
    fail('malformed', 'absent: expected nodes of the fleet, each once', { fleet: claimed });
  if (absent.size > 0 && rest.state === 'retired') fail('malformed', 'absent: of a retired fleet no node signs', { fleet: claimed });
  return { ...rest, fleet: computed };
}

/** What the entry says of a node, as its line spells it: two entries say the same of it when these texts are equal. */
export function nodeText({ line }: Pick<FleetEntry, 'line'>, wanted: Id): string | undefined {
  const { fleets } = JSON.parse(line) as { readonly fleets: readonly FleetInput[] };
  const found = fleets.flatMap(({ nodes }) => nodes).find((one) => one.id === wanted);
  return found && JSON.stringify(found);
}

export interface Tolerance {
  /** Accept tokens that protect nothing, for development: the user said so in as many words. */
  readonly allowSimulated: boolean;
}

/** Where registrations go: the first active fleet listed. @throws `not-found`, `untrusted-answer` for simulated tokens */
export function activeFleet({ fleets }: FleetEntry, tolerance: Tolerance): EntryFleet {
  const active = fleets.find(({ state }) => state === 'active');
  if (active === undefined) return fail('not-found', 'the fleet entry names no active fleet', { fleets: fleets.length });
  return tolerable(active, tolerance);
}

/** The fleet that a backup names, whatever its state. @throws `wrong-fleet`, `untrusted-answer` for simulated tokens */
export function fleetById({ fleets }: FleetEntry, wanted: Id, tolerance: Tolerance): EntryFleet {
  const found = fleets.find(({ fleet: { id: candidate } }) => candidate === wanted);
  if (found === undefined) return fail('wrong-fleet', 'the fleet entry does not name this fleet', { wanted });
  return tolerable(found, tolerance);
}

function tolerable(found: EntryFleet, { allowSimulated }: Tolerance): EntryFleet {
  const simulated = found.nodes.filter((one) => one.token.simulated);
  if (simulated.length === 0 || allowSimulated) return found;
  const names = simulated.map((one) => one.name).join(', ');
  return fail('untrusted-answer', 'this fleet keeps keys in simulated tokens, which protect nothing; allow them only in development', {
    nodes: names,
  });
}

/** Serialises a new entry, once: from here on the line is what counts. @throws `malformed` as `parseEntry` */
export function makeEntry(value: Omit<z.input<typeof entry>, 'type'>): FleetEntry {
  return parseEntry(JSON.stringify({ type: ENTRY_TYPE, ...value }));
}
