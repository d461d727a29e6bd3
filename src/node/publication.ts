/**
 * The fleets' keys over the air, at this node (docs/transparency.md): it serves the newest bundle that it was shown and that
 * verifies under the roots it pins, signs entries that tell the truth about it, and says over a fresh nonce what it runs and
 * serves. Behind the public routes (web/publication-routes.ts) and for its peers; nothing that comes in is believed.
 *
 * A node of a fleet without transparency serves no bundle and signs no entry.
 */
import type { Candidate } from '../api/publication.ts';
import { type Id, NO_ID } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { FleetEntry } from '../fleet/entry.ts';
import type { Store } from '../store/store.ts';
import type { Token } from '../token/index.ts';
import { isNewer } from '../trust/newer.ts';
import { openRoots } from '../trust/roots.ts';
import { nodeStatement, parseSignedEntry, releaseSigners } from '../trust/signed-entry.ts';
import type { PublicationPort, ServedBundle } from '../web/ports.ts';
import { encodeMessage } from '../wire/message.ts';
import type { Signed } from '../wire/signed.ts';
import { type Checked, checkBundle, type PublicationPolicy } from './published.ts';
import { type OwnFacts, requireTrueAbsence, requireTruth, standingIn } from './true-entry.ts';

export interface PublicationParts {
  readonly own: OwnFacts;
  readonly fleet: Id;
  /** The entry that this node runs by: what it serves while there is no bundle. */
  readonly pinned: FleetEntry;
  readonly token: Pick<Token, 'sign' | 'counters'>;
  readonly store: Pick<Store, 'bundle' | 'keepBundle'>;
  readonly clock: Clock;
  /** Nothing in a fleet without transparency. */
  readonly policy?: PublicationPolicy | undefined;
  /** Told when what the store kept does not verify: it is as if it had kept nothing. */
  readonly disbelieved: (why: string) => void;
}

export class Publication implements PublicationPort {
  readonly #parts: PublicationParts;
  #served: Checked | undefined;
  /** Offers are weighed one after the other: what is compared with must still be served when the new one is. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(parts: PublicationParts) {
    this.#parts = parts;
  }

  /** With what the store kept, if it still verifies. */
  static async open(parts: PublicationParts): Promise<Publication> {
    const publication = new Publication(parts);
    const { store, policy, disbelieved } = parts;
    const kept = policy === undefined ? undefined : await store.bundle();
    if (policy === undefined || kept === undefined) return publication;
    try {
      // It was fresh when it was taken; served on, it is the client who judges its age.
      publication.#served = checkBundle(kept, policy, 'kept', parts.fleet, parts.clock());
    } catch (error) {
      disbelieved(error instanceof Error ? error.message : 'unknown');
    }
    return publication;
  }

  /** Of the bundle that is served. */
  get entry(): FleetEntry | undefined {
    return this.#served?.entry;
  }

  get served(): ServedBundle | undefined {
    return this.#served?.bundle;
  }

  offer(text: string): Promise<boolean> {
    this.#requirePolicy();
    const weighed = this.#last.then(() => this.#weigh(text, this.#requirePolicy()));
    this.#last = weighed.catch(() => undefined);
    return weighed;
  }

  async #weigh(text: string, policy: PublicationPolicy): Promise<boolean> {
    const { store, fleet, clock } = this.#parts;
    if (text === this.#served?.bundle.text) return false;
    const offered = checkBundle(text, policy, 'offered', fleet, clock());
    if (this.#served !== undefined && !isNewer(offered.rank, this.#served.rank)) {
      fail('superseded', 'this node serves a bundle that is newer, or as new', {
        sequence: this.#served.entry.sequence,
        offered: offered.entry.sequence,
      });
    }
    await store.keepBundle(offered.bundle.text);
    this.#served = offered;
    return true;
  }

  async signEntry({ entry: text, roots: chain }: Candidate): Promise<Signed> {
    const policy = this.#requirePolicy();
    const { own, fleet, pinned, token, clock } = this.#parts;
    const candidate = parseSignedEntry(text);
    const { entry } = candidate;
    const roots = openRoots({ pinned: policy.root, chain });
    if (entry.namespace !== roots.namespace)
      fail('untrue-entry', 'the entry is of another namespace', { entry: entry.namespace, roots: roots.namespace });
    const { threshold, keys } = roots.release;
    const signers = releaseSigners(candidate, keys).length;
    // Signed only for the operator: else anyone could have this node's word for an entry of his own, true as it may be.
    if (signers < threshold) fail('not-signed', 'too few release keys of the roots signed this entry', { signers, threshold });
    if (entry.validUntil <= clock()) fail('untrue-entry', 'the entry is no longer valid', { validUntil: entry.validUntil });
    const served = this.#served?.entry;
    if (served !== undefined && entry.digest !== served.digest && entry.sequence <= served.sequence)
      fail('superseded', 'this node serves an entry that is newer', { sequence: served.sequence, offered: entry.sequence });
    const standing = standingIn(entry, own.self);
    if (standing === undefined || standing.entryFleet.fleet.id !== fleet)
      return fail('untrue-entry', 'the entry does not list the fleet of this node as it is', { fleet });
    requireTruth(standing, own);
    requireTrueAbsence(entry, standing.entryFleet, served ?? pinned, own.self);
    const bytes = nodeStatement(entry, standing.entryFleet, standing.node);
    return { bytes, signature: await token.sign(bytes) };
  }

  async live(nonce: Uint8Array): Promise<Signed> {
    const { own, fleet, pinned, token } = this.#parts;
    const { sequence } = token.counters;
    const entry = (this.#served?.entry ?? pinned).digest;
    const bytes = encodeMessage('node/live', { fleet, signer: own.self, nonce, measurement: own.measurement ?? NO_ID, entry, sequence });
    return { bytes, signature: await token.sign(bytes) };
  }

  /**
   * From the newest root that was followed, and not the one in the configuration. (Attack: keys that a rotation replaced, because they
   * were stolen, sign for this node once more under a bundle that leaves the rotation out.)
   */
  #requirePolicy(): PublicationPolicy {
    const policy = this.#parts.policy ?? fail('not-found', "this fleet's entry is pinned: nothing is published over the air here");
    return { ...policy, root: this.#served?.roots ?? policy.root };
  }
}
