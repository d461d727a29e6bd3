/**
 * Replays a whole transparency log and compares it with other views of it (`holdfast log audit`): the roots' chain, the signed
 * checkpoint and who cosigned it, every leaf against the root, every tile against the leaves, every entry against those before it,
 * what was seen at an earlier audit, and mirrors. A log that shows two people two pasts is found out by whoever has both.
 */
import { equalBytes, fromUtf8, idFromBytes, idToBytes } from '../base/bytes.ts';
import { HoldfastError } from '../base/errors.ts';
import type { SignedCheckpoint } from '../log/checkpoint.ts';
import { cosignatureTime } from '../log/cosignature.ts';
import { leafHash, MemoryTree, treeRoot } from '../log/merkle.ts';
import { newTiles, tileBytes, tilePath } from '../log/tile.ts';
import type { Vkey } from '../log/vkey.ts';
import { isoTime } from '../trust/continuity.ts';
import { FRESHNESS_MS } from '../trust/log-checks.ts';
import type { Root } from '../trust/root.ts';
import { follow, openRoot } from '../trust/roots.ts';
import type { Seen } from '../trust/seen.ts';
import type { Verify } from '../wire/signed.ts';
import { type LogSource, readCheckpoint, readLeaves, readOptional, readWhole, Unreadable } from './log-source.ts';
import { Replay, sentence } from './replay.ts';
import { type Finding, finding, type Report, reportOf } from './report.ts';

export interface LogAuditOptions {
  /** The text of the root.json that is trusted. */
  readonly root: string;
  readonly log: LogSource;
  readonly mirrors: readonly LogSource[];
  /** From an earlier audit, or from a client. */
  readonly seen?: Seen | undefined;
  readonly thirdParties: number;
  readonly nowMs: number;
  readonly verify: Verify;
}

export interface LogAudit extends Report {
  readonly changes: Replay['changes'];
  /** For the next audit; nothing unless all that was read is in order. */
  readonly seenAfter?: Seen;
}

const LOG_PROVES_NOT: readonly string[] = [
  'that the witness really looked at the evidence when it admitted an entry: the files are named in the entry with their digests, so look yourself.',
  'that there is no second log for other people: only comparing shows it. Run this elsewhere too, with --mirror and with what others have seen.',
  'that what is newest here is what a node serves: ask the nodes (holdfast verify --live).',
];

export async function auditLog(options: LogAuditOptions): Promise<LogAudit> {
  const findings: Finding[] = [];
  const changes: Replay['changes'] = [];
  try {
    const seenAfter = await audit(options, findings, changes);
    const report = reportOf(findings, LOG_PROVES_NOT);
    return { ...report, changes, ...(report.outcome !== 'bad' && seenAfter !== undefined && { seenAfter }) };
  } catch (error) {
    if (error instanceof Unreadable) findings.push(finding('reading', 'unknown', sentence(error.message)));
    else if (error instanceof HoldfastError) findings.push(finding('reading', 'bad', sentence(error.message), error.evidence));
    else throw error;
    return { ...reportOf(findings, LOG_PROVES_NOT), changes };
  }
}

async function audit(options: LogAuditOptions, findings: Finding[], changes: Replay['changes']): Promise<Seen | undefined> {
  const { log: source, verify } = options;
  const roots = await readRoots(options, findings);
  const root = roots.at(-1) as Root;
  const checkpoint = await readCheckpoint(source, root.log);
  const { size, origin } = checkpoint;
  findings.push(finding('checkpoint', 'good', 'The log signed its checkpoint.', { origin, size }));
  findings.push(...cosignatures(checkpoint, root, options));
  const replay = new Replay(roots, verify);
  const tree = new MemoryTree();
  for await (const leaf of readLeaves(source, size)) {
    replay.add(tree.size, leaf);
    tree.append(leafHash(leaf));
  }
  findings.push(...replay.findings);
  changes.push(...replay.changes);
  findings.push(await treeFinding(checkpoint, tree), await tilesFinding(source, tree));
  if (options.seen !== undefined) findings.push(await seenFinding(options.seen, checkpoint, tree));
  for (const mirror of options.mirrors) findings.push(await mirrorFinding(mirror, root.log, tree));
  const { latest } = replay;
  if (latest === undefined) return undefined;
  return { sequence: latest.sequence, digest: latest.digest, origin, size, root: idFromBytes(checkpoint.root), roots: root.text };
}

/** The pinned root and all that follow it, as the log's server has them. */
async function readRoots({ root: pinned, log }: LogAuditOptions, findings: Finding[]): Promise<readonly Root[]> {
  const chain = [openRoot(pinned)];
  for (;;) {
    const last = chain.at(-1) as Root;
    const next = await readOptional(log, `roots/${last.version + 1}.root.json`);
    if (next === undefined) break;
    chain.push(follow(last, openRoot(fromUtf8(next))));
  }
  const { version } = chain.at(-1) as Root;
  const words =
    chain.length === 1
      ? 'The pinned root is the newest that the log shows.'
      : 'Each newer root is signed by operator and witness, under the keys of the one before and its own.';
  findings.push(finding('roots', 'good', words, { pinned: chain[0]?.version ?? 0, version }));
  return chain;
}

function cosignatures({ note }: SignedCheckpoint, root: Root, { thirdParties, nowMs }: LogAuditOptions): readonly Finding[] {
  const one = (name: string, vkeys: readonly Vkey[], wanted: number): Finding => {
    const times = vkeys.flatMap((vkey) => cosignatureTime(note, vkey) ?? []).sort((a, b) => b - a);
    const evidence = { got: times.length, expected: wanted };
    if (times.length < wanted) return finding(name, 'bad', 'Did not cosign the checkpoint, or too few did.', evidence);
    const needed = times[wanted - 1];
    if (needed === undefined) return finding(name, 'noted', 'Not asked for.', evidence);
    const at = isoTime(needed * 1000);
    if (nowMs - needed * 1000 > FRESHNESS_MS)
      return finding(name, 'stale', `Cosigned last at ${at}: too long ago to say anything of today.`, { ...evidence, at });
    return finding(name, 'good', `Cosigned the checkpoint at ${at}.`, { ...evidence, at });
  };
  return [one('witness', [root.witness], 1), one('operator', [root.operator], 1), one('third-parties', root.thirdParties, thirdParties)];
}

async function treeFinding({ size, root }: SignedCheckpoint, tree: MemoryTree): Promise<Finding> {
  return equalBytes(await treeRoot(size, tree.read), root)
    ? finding('tree', 'good', 'All entries together give exactly the root that is signed: none is missing, changed or out of order.', {
        size,
      })
    : finding('tree', 'bad', 'The entries do not give the root that is signed: one was changed, left out or moved.', { size });
}

/** Proofs are made from the tiles of hashes: they must be those of the entries. */
async function tilesFinding(source: LogSource, tree: MemoryTree): Promise<Finding> {
  const tiles = newTiles(0, tree.size).filter(({ level }) => level !== 'entries');
  for (const tile of tiles) {
    const path = tilePath(tile);
    if (!equalBytes(await readWhole(source, path), await tileBytes(tile, tree.read)))
      return finding('tiles', 'bad', 'A tile of hashes is not that of the entries: proofs made from it are worth nothing.', { path });
  }
  return finding('tiles', 'good', 'Every tile of hashes is that of the entries.', { tiles: tiles.length });
}

async function seenFinding(seen: Seen, { origin, size }: SignedCheckpoint, tree: MemoryTree): Promise<Finding> {
  const evidence = { seen: seen.size, got: size };
  if (seen.origin !== origin)
    return finding('seen', 'unknown', 'What was seen before is of another log.', { seen: seen.origin, got: origin });
  if (seen.size > size) return finding('seen', 'bad', 'The log is smaller than it was: it was rolled back.', evidence);
  const same = equalBytes(await treeRoot(seen.size, tree.read), idToBytes(seen.root));
  return same
    ? finding('seen', 'good', 'The log contains all that it showed at the earlier audit.', evidence)
    : finding(
        'seen',
        'bad',
        'The log does not contain what it showed before: its past was rewritten. Keep both, they are the proof.',
        evidence,
      );
}

/** Whichever is longer must contain the shorter. */
async function mirrorFinding(mirror: LogSource, log: Vkey, tree: MemoryTree): Promise<Finding> {
  const name = `mirror ${mirror.name}`;
  try {
    const { size, root } = await readCheckpoint(mirror, log);
    const evidence = { here: tree.size, there: size };
    const same = size <= tree.size ? equalBytes(await treeRoot(size, tree.read), root) : await containsHere(mirror, { size, root }, tree);
    return same
      ? finding(name, 'good', 'Shows the same past.', evidence)
      : finding(
          name,
          'bad',
          'Shows another past of the same log, both signed: the view is split. Keep both, they are the proof.',
          evidence,
        );
  } catch (error) {
    if (error instanceof Unreadable) return finding(name, 'unknown', sentence(error.message));
    if (error instanceof HoldfastError) return finding(name, 'bad', sentence(error.message), error.evidence);
    throw error;
  }
}

/** Of a mirror that is ahead of this log. */
async function containsHere(mirror: LogSource, { size, root }: { size: number; root: Uint8Array }, tree: MemoryTree): Promise<boolean> {
  const there = new MemoryTree();
  for await (const leaf of readLeaves(mirror, size)) there.append(leafHash(leaf));
  const whole = equalBytes(await treeRoot(size, there.read), root);
  return whole && equalBytes(await treeRoot(tree.size, there.read), await treeRoot(tree.size, tree.read));
}
