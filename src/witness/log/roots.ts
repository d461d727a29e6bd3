/**
 * The roots of a log (docs/transparency.md, "Roots") as its witness has them: those of a folder, all published, so that anyone follows
 * the chain. Those that are put there while the log runs are followed before the next entry or cosignature: nothing is started anew.
 */
import { fail, HoldfastError } from '../../base/errors.ts';
import { followRoots, newestOf, type RootChain, readRoots } from '../../files/roots.ts';
import type { Vkey } from '../../log/vkey.ts';
import type { Root } from '../../trust/root.ts';
import type { WitnessKeys } from '../keys.ts';

/** Of the configuration. */
const KEY = 'log.rootsDir';

export class LogRoots {
  readonly #folder: string;
  readonly #keys: WitnessKeys;
  readonly #refused: (why: string) => void;
  #chain: RootChain;
  #told: string | undefined;

  /**
   * @param refused told once of a root that was put there and is not followed
   * @throws `configuration` naming the file; unless the newest names exactly the keys of this token
   */
  constructor(folder: string, keys: WitnessKeys, refused: (why: string) => void) {
    this.#folder = folder;
    this.#keys = keys;
    this.#refused = refused;
    this.#chain = readRoots(folder, KEY);
    this.#requireOurs(this.#chain);
  }

  get newest(): Root {
    return newestOf(this.#chain);
  }

  /** The keys that this log had under its name, the newest last. */
  get logKeys(): readonly Vkey[] {
    return this.#chain.map(({ log }) => log).filter(({ name }) => name === this.newest.log.name);
  }

  /** Whose signatures count no more: keys of the log, the witness and the operator that were replaced. */
  get replaced(): readonly Vkey[] {
    const { log, witness, operator } = this.newest;
    const now = [log, witness, operator].map(({ text }) => text);
    return this.#chain.flatMap((root) => [root.log, root.witness, root.operator]).filter(({ text }) => !now.includes(text));
  }

  text(version: number): string | undefined {
    return this.#chain.find((root) => root.version === version)?.text;
  }

  /** What does not follow, or names other keys than this token has, is told and left: the log goes on under the root before. */
  follow(): void {
    try {
      const chain = followRoots(this.#chain, this.#folder, KEY);
      this.#requireOurs(chain);
      this.#chain = chain;
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      if (error.message !== this.#told) this.#refused(error.message);
      this.#told = error.message;
    }
  }

  /** Clients would refuse every checkpoint: better said here, before anything is signed. */
  #requireOurs(chain: RootChain): void {
    const { log, witness } = newestOf(chain);
    const ours = [
      { what: 'log', inRoots: log, inToken: this.#keys.log },
      { what: 'witness', inRoots: witness, inToken: this.#keys.witness },
    ];
    for (const { what, inRoots, inToken } of ours) {
      if (inToken?.text === inRoots.text) continue;
      fail('configuration', `${KEY}: the roots name another ${what} key than name and token of this witness`, {
        roots: inRoots.text,
        token: inToken?.text ?? 'none',
      });
    }
  }
}
