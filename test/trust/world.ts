/**
 * A whole small world around one deployment, for tests of any room: both sides' root keys, release keys, a log with its
 * witness, an operator, two third parties, and a fleet of three nodes. Keys are in software and made from fixed seeds; they
 * stand for those in tokens. What the honest ones would never do is done by an override.
 *
 *   const world = new World();
 *   await world.publish();                                   // the first entry, in the log
 *   const bundle = await world.bundle();                     // cosigned by all, fresh at NOW_MS
 *   verifyBundle(bundle.line, world.options())               // trusted
 *   verifyBundle((await world.bundle({ cosigners: [world.witness] })).line, world.options())   // not countersigned
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { type Id, NO_ID, toHex, utf8 } from '../../src/base/bytes.ts';
import { Secret } from '../../src/base/secret.ts';
import { type EntryFleet, type EntryNode, type FleetEntry, makeEntry } from '../../src/fleet/entry.ts';
import { checkpointText } from '../../src/log/checkpoint.ts';
import { cosign } from '../../src/log/cosignature.ts';
import { inclusionProof, leafHash, MemoryTree, treeRoot } from '../../src/log/merkle.ts';
import { formatNote, type NoteSignature, signNote } from '../../src/log/note.ts';
import { formatProof } from '../../src/log/proof.ts';
import { type Bundle, makeBundle } from '../../src/trust/bundle.ts';
import { isoTime } from '../../src/trust/continuity.ts';
import { assembleRoot, makeRoot, type RootPlan } from '../../src/trust/make-root.ts';
import { openRoot } from '../../src/trust/roots.ts';
import {
  entryText,
  lastSignedBy,
  makeSignedEntry,
  nodeSignature,
  nodeStatement,
  type SignedEntry,
  signingFleets,
} from '../../src/trust/signed-entry.ts';
import type { VerifyOptions } from '../../src/trust/verify.ts';
import { signWithUnlock, verifyP256 } from '../../src/vault/unlock.ts';
import { entryFleet, publicKey } from '../fleet/entries.ts';
import { cosignatureKey, type LogKey, noteKey } from '../log/keys.ts';

export const NAMESPACE = 'example.org/vault';
export const NOW_MS = Date.UTC(2026, 5, 15, 12);
export const DAY_MS = 24 * 60 * 60 * 1000;

export interface RootKey {
  readonly publicKey: Uint8Array;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
}

export function rootKey(seed: string): RootKey {
  const secret = sha256(utf8(`root ${seed}`));
  return { publicKey: ed25519.getPublicKey(secret), sign: (bytes) => ed25519.sign(bytes, secret) };
}

type FleetValue = Parameters<typeof makeEntry>[0]['fleets'][number];
type EntryValue = Parameters<typeof makeEntry>[0];

/** A fleet that fails no check: nodes apart, tokens that are none of software. Node i has the private keys from + 2i and from + 2i + 1. */
export function goodFleet(size = 3, from = 1, namespace = NAMESPACE): FleetValue {
  const fleet = entryFleet(namespace, size, from);
  const token = { model: 'Example HSM', class: 'device' as const, simulated: false };
  return { ...fleet, nodes: fleet.nodes.map((node, i) => ({ ...node, operator: `Operator ${i + 1}`, token })) };
}

/** The same fleet, in which these nodes do not sign; they signed the entry of this digest last. */
export function without(fleet: FleetValue, signed: Id, ...at: readonly number[]): FleetValue {
  return { ...fleet, absent: at.map((i) => ({ node: fleet.nodes[i]!.id as Id, signed })) };
}

/** The private keys of `entryFleet`: small numbers. */
const PRIVATE_KEYS = new Map(Array.from({ length: 200 }, (_, i) => [toHex(publicKey(i + 1)), i + 1]));

/** What a node's token signs with its identity key. */
export function signAsNode(node: EntryNode, bytes: Uint8Array): Uint8Array {
  const scalar = new Uint8Array(32);
  new DataView(scalar.buffer).setUint32(28, PRIVATE_KEYS.get(toHex(node.identityKey))!);
  return signWithUnlock(new Secret(scalar), bytes);
}

/** Of one that is absent, what it signed then. */
export function honestNode(node: EntryNode, fleet: EntryFleet, entry: FleetEntry): Uint8Array {
  return signAsNode(node, nodeStatement({ digest: lastSignedBy(fleet, node) ?? entry.digest }, fleet, node));
}

export interface EntrySigners {
  readonly release?: readonly LogKey[];
  /** Whether this node signs, and the signature that it gives if it is not its own. */
  readonly nodes?: (node: EntryNode, fleet: EntryFleet, entry: FleetEntry) => Uint8Array | undefined;
}

export interface BundleFaults {
  /** The signed entry in the bundle, if it is not the one that the proof is of. */
  readonly entry?: string;
  /** Which leaf the proof is of: the last one unless said otherwise. */
  readonly index?: number;
  /** The tree in which it is proven: the whole unless said otherwise. */
  readonly size?: number;
  readonly log?: LogKey;
  readonly origin?: string;
  readonly cosigners?: readonly LogKey[];
  readonly cosignedAtMs?: number;
  readonly roots?: readonly string[];
}

export class World {
  readonly namespace = NAMESPACE;
  readonly operatorRoots = [rootKey('operator 1'), rootKey('operator 2')];
  readonly witnessRoots = [rootKey('witness 1'), rootKey('witness 2')];
  readonly release = [noteKey('release-1.example.org'), noteKey('release-2.example.org'), noteKey('release-3.example.org')];
  readonly log = noteKey('log.witness.example/holdfast');
  readonly witness = cosignatureKey('witness.example');
  readonly operator = cosignatureKey('operator.example.org');
  readonly thirdParties = [cosignatureKey('third.example.net'), cosignatureKey('fourth.example.com')];
  readonly tree = new MemoryTree();
  readonly leaves: SignedEntry[] = [];
  /** All versions; the first is what clients pin. */
  readonly roots: string[] = [this.makeRoot({}, [...this.operatorRoots, ...this.witnessRoots])];

  rootPlan(overrides: Partial<RootPlan> = {}): RootPlan {
    return {
      version: 1,
      expires: '2028-01-01T00:00:00Z',
      namespace: NAMESPACE,
      operatorRootKeys: this.operatorRoots.map((one) => one.publicKey),
      witnessRootKeys: this.witnessRoots.map((one) => one.publicKey),
      threshold: 3,
      release: { threshold: 2, keys: this.release.map((one) => one.vkey.text) },
      log: this.log.vkey.text,
      witness: this.witness.vkey.text,
      operator: this.operator.vkey.text,
      thirdParties: this.thirdParties.map((one) => one.vkey.text),
      ...overrides,
    };
  }

  /** A root signed by the first three of these. */
  makeRoot(overrides: Partial<RootPlan>, signers: readonly RootKey[]): string {
    const bytes = makeRoot(this.rootPlan(overrides));
    return assembleRoot(
      bytes,
      signers.slice(0, 3).map(({ publicKey, sign }) => ({ publicKey, signature: sign(bytes) })),
    );
  }

  /** The next root, by both sides' rule; it is in bundles from here on. */
  rotate(overrides: Partial<RootPlan>): string {
    const next = this.makeRoot({ ...overrides, version: this.roots.length + 1 }, [...this.operatorRoots, ...this.witnessRoots]);
    openRoot(next);
    this.roots.push(next);
    return next;
  }

  entry(overrides: Partial<EntryValue> = {}): FleetEntry {
    const previous = this.leaves.at(-1)?.entry;
    return makeEntry({
      namespace: NAMESPACE,
      sequence: (previous?.sequence ?? 0) + 1,
      previous: previous?.digest ?? NO_ID,
      validFrom: isoTime(NOW_MS - DAY_MS),
      validUntil: isoTime(NOW_MS + 200 * DAY_MS),
      fleets: [goodFleet()],
      ...overrides,
    });
  }

  /** Signed by two release keys and by every node that has to. */
  async sign(entry: FleetEntry, { release = this.release.slice(0, 2), nodes = honestNode }: EntrySigners = {}): Promise<SignedEntry> {
    const signatures: NoteSignature[] = [];
    for (const { vkey, sign } of release) signatures.push(await signNote(entryText(entry), vkey, sign));
    for (const fleet of signingFleets(entry)) {
      for (const node of fleet.nodes) {
        const signature = nodes(node, fleet, entry);
        if (signature !== undefined) signatures.push(nodeSignature(fleet, node, signature));
      }
    }
    return makeSignedEntry(entry, signatures);
  }

  /** Makes, signs and logs an entry. */
  async publish(overrides: Partial<EntryValue> = {}, signers: EntrySigners = {}): Promise<SignedEntry> {
    const signed = await this.sign(this.entry(overrides), signers);
    this.append(signed);
    return signed;
  }

  append(signed: SignedEntry): void {
    this.tree.append(leafHash(signed.leaf));
    this.leaves.push(signed);
  }

  /** All who cosign when all is well: with the one third party that the default policy asks for. */
  get cosigners(): readonly LogKey[] {
    return [this.witness, this.operator, ...this.thirdParties.slice(0, 1)];
  }

  async checkpoint(faults: BundleFaults = {}): Promise<string> {
    const { size = this.tree.size, log = this.log, origin = this.log.vkey.name, cosigners = this.cosigners } = faults;
    const text = checkpointText({ origin, size, root: await treeRoot(size, this.tree.read) });
    const signatures = [await signNote(text, log.vkey, log.sign)];
    const seconds = Math.floor((faults.cosignedAtMs ?? NOW_MS - DAY_MS) / 1000);
    for (const { vkey, sign } of cosigners) signatures.push(await cosign(text, vkey, seconds, sign));
    return formatNote({ text, signatures });
  }

  async bundle(faults: BundleFaults = {}): Promise<Bundle> {
    const { size = this.tree.size, index = size - 1, roots = this.roots.slice(1) } = faults;
    const hashes = await inclusionProof(index, size, this.tree.read);
    const proof = formatProof({ index, hashes, checkpoint: await this.checkpoint(faults) });
    return makeBundle({ entry: faults.entry ?? this.leaves[index]!.text, proof, roots });
  }

  options(overrides: Partial<VerifyOptions> = {}): VerifyOptions {
    return {
      roots: this.roots[0]!,
      policy: { thirdParties: 1, allowSimulated: false },
      nowMs: NOW_MS,
      purpose: { kind: 'register' },
      verify: verifyP256,
      ...overrides,
    };
  }
}
