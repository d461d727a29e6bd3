/**
 * A token's PIN while it is being put together: shares come one by one, from people who need not trust each other's typing.
 * Knows no socket and no token: the desk (desk.ts) feeds it, a node's start waits for it.
 *
 * Tokens lock themselves after a few wrong PINs, so nothing is tried on one: a share's code has a checksum and names what it is
 * of, and the PIN has a check inside that all shares have to agree on (shares.ts). Shares of different splittings are kept
 * apart: an old card, given first, must not keep the right ones out. Bytes of shares are overwritten when they are used up.
 */
import { fail } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { combineShares, type Entrusted, readCard, readCode, type Share } from './shares.ts';

type Given = Omit<Share, 'custodian'> & { readonly custodian: string };

export interface Progress {
  /** Of the splitting that is closest to being complete. */
  readonly given: readonly { readonly index: number; readonly custodian: string }[];
  /** How many shares give the PIN; 0 before the first has come, which says so. */
  readonly needed: number;
}

/** Nobody has as many old cards as this. */
const SPLITTINGS_MAX = 8;
/** Of a share whose code alone was typed. */
const UNNAMED = '';

export class Gathering {
  readonly of: Entrusted;
  readonly #splittings = new Map<string, Given[]>();

  constructor(of: Entrusted) {
    this.of = of;
  }

  get progress(): Progress {
    const [closest] = [...this.#splittings.values()].sort((a, b) => missing(a) - missing(b));
    return {
      given: (closest ?? []).map(({ index, custodian }) => ({ index, custodian })),
      needed: closest?.[0]?.threshold ?? 0,
    };
  }

  /**
   * One call at a time.
   * @param text a card, or the code on it as somebody types it
   * @returns the PIN, with the last share that was needed
   * @throws `malformed` naming what is wrong with this share, and then it counts for nothing; or with all of its splitting, and
   *   then they have to be given again
   */
  async take(text: string): Promise<Secret<string> | undefined> {
    const share = this.#read(text);
    const { set, threshold, count, index } = share;
    const splitting = `${set} ${threshold} ${count}`;
    const shares = this.#splittings.get(splitting) ?? [];
    if (shares.some((one) => one.index === index)) fail('malformed', `share ${index} of ${count} was given already`, { splitting: set });
    if (shares.length === 0 && this.#splittings.size >= SPLITTINGS_MAX)
      fail('malformed', 'shares of too many splittings were given: start the node again, and use the newest cards', { splitting: set });
    this.#splittings.set(splitting, [...shares, share]);
    if (shares.length + 1 < threshold) return undefined;
    this.#splittings.delete(splitting);
    try {
      const pin = await combineShares([...shares, share]);
      this.clear();
      return pin;
    } catch (error) {
      return fail(
        'malformed',
        `the shares of splitting ${set} do not give the PIN: one was altered. All of them must be given again`,
        {},
        error,
      );
    } finally {
      forget([...shares, share]);
    }
  }

  /** Forgets all that was given. */
  clear(): void {
    for (const shares of this.#splittings.values()) forget(shares);
    this.#splittings.clear();
  }

  #read(text: string): Given {
    if (!text.includes('Code:')) return { ...readCode(text, this.of), custodian: UNNAMED };
    const card = readCard(text);
    for (const what of ['token', 'pin', 'ceremony'] as const) {
      if (card[what] !== this.of[what]) fail('malformed', `this card is of another ${what}`, { card: card[what], expected: this.of[what] });
    }
    return card;
  }
}

const missing = (shares: readonly Given[]): number => (shares[0]?.threshold ?? Number.POSITIVE_INFINITY) - shares.length;

function forget(shares: readonly Given[]): void {
  for (const { value } of shares) value.reveal().fill(0);
}
