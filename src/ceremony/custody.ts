/**
 * The PINs of a ceremony's tokens: generated here, split among the custodians at once, and kept in this process's memory for as
 * long as the ceremony runs. A process that goes on with an interrupted ceremony has none, and asks for cards. No PIN is ever
 * shown or written; a custodian's cards are in the clear only in a file that is there while that custodian takes it.
 */
import { toBase64url, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type Random, systemRandom } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import { sealCards } from '../custody/envelope.ts';
import { cardOf, combineShares, type Entrusted, readCards, type Share, splitPin } from '../custody/shares.ts';
import { hash } from '../wire/signed.ts';
import type { Folder } from './folder.ts';
import { type Custodian, custodiansOf, type RoomParameters } from './people.ts';
import type { Facts } from './plan.ts';
import type { Proceedings } from './proceedings.ts';

type PinKind = Entrusted['pin'];
const KINDS: readonly PinKind[] = ['user', 'security officer'];
const PIN_BYTES = 18;
export const HANDOVER = 'custody/handover';

const nameOf = ({ token, pin }: Pick<Entrusted, 'token' | 'pin'>): string => `${token} ${pin}`;

export class Custody {
  readonly #ceremony: string;
  readonly #chosen: RoomParameters;
  readonly #tokens: readonly string[];
  readonly #proceedings: Proceedings;
  readonly #folder: Folder;
  readonly #random: Random;
  readonly #pins = new Map<string, Secret<string>>();
  #handedOver: Facts | undefined;

  constructor(chosen: RoomParameters, tokens: readonly string[], proceedings: Proceedings, folder: Folder, random: Random = systemRandom) {
    this.#ceremony = chosen.custody.ceremony ?? chosen.ceremony;
    this.#chosen = chosen;
    this.#tokens = tokens;
    this.#proceedings = proceedings;
    this.#folder = folder;
    this.#random = random;
  }

  /** Generates, splits, hands over. Nothing is lost when it is interrupted: no token has these PINs yet, and new ones are made. */
  async entrust(): Promise<void> {
    const { custodians, threshold } = this.#chosen.custody;
    const splittings: Record<string, string> = {};
    const shares: Share[] = [];
    for (const of of this.#wanted()) {
      const value = new Secret(toBase64url(this.#random(PIN_BYTES)));
      const names = custodiansOf(this.#chosen, of.token).map(({ name }) => name);
      const split = await splitPin(value, of, names, threshold, this.#random);
      splittings[nameOf(of)] = split[0]?.set ?? fail('alarm', 'a splitting without shares');
      shares.push(...split);
      this.#pins.set(nameOf(of), value);
    }
    const taken: Record<string, Facts> = {};
    for (const [i, custodian] of custodians.entries()) {
      const own = shares.filter((share) => share.custodian === custodian.name);
      taken[custodian.name] = await this.#handOver(custodian, i + 1, own);
    }
    this.#handedOver = { threshold, splittings, taken };
  }

  /** What `entrust` did in this process. */
  handedOver(): Facts | undefined {
    return this.#handedOver;
  }

  /** Puts all PINs together from the cards of as many custodians as it takes, and goes on with these. @returns who brought theirs */
  async gather(): Promise<string[]> {
    const { threshold } = this.#chosen.custody;
    const wanted = this.#wanted();
    const brought = new Map<string, Share[]>();
    const of = (one: Entrusted): Share[] => [...brought.values()].flat().filter((share) => nameOf(share) === nameOf(one));
    const take = (text: string): void => {
      for (const [custodian, shares] of Map.groupBy(this.#read(text), (share) => share.custodian)) brought.set(custodian, shares);
    };
    while (wanted.some((one) => of(one).length < threshold))
      await this.#proceedings.room.cards([...brought.keys()], threshold, wanted, take);
    for (const one of wanted) this.#pins.set(nameOf(one), await combineShares(of(one)));
    return [...brought.keys()];
  }

  /** From memory, or from the custodians when an earlier process made it. */
  async pin(token: string, pin: PinKind): Promise<Secret<string>> {
    if (!this.#pins.has(nameOf({ token, pin }))) await this.gather();
    return this.#pins.get(nameOf({ token, pin })) ?? fail('alarm', 'the custodians gave another PIN than was asked for', { token });
  }

  #wanted(): Entrusted[] {
    return this.#tokens.flatMap((token) => KINDS.map((pin) => ({ ceremony: this.#ceremony, token, pin })));
  }

  async #handOver({ name, recipient }: Custodian, number: number, shares: readonly Share[]): Promise<Facts> {
    const to = { role: 'custodian', name } as const;
    const cards = new Secret(shares.map((share) => cardOf(share).reveal()).join('\n'));
    const base = `${number}-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
    if (recipient !== undefined) {
      const path = ['custody', `${base}.cards.age`];
      const sealed = await sealCards(cards, recipient);
      this.#folder.write(path, sealed);
      await this.#proceedings.handOver(to, this.#folder.path(...path), true, HANDOVER);
      return { file: path.join('/'), recipient, digest: hash(sealed) };
    }
    const path = ['custody', `${base}.cards`];
    this.#folder.write(path, cards.reveal());
    try {
      await this.#proceedings.handOver(to, this.#folder.path(...path), false, HANDOVER);
    } finally {
      this.#folder.remove(...path);
    }
    return { printed: true, digest: hash(utf8(cards.reveal())) };
  }

  /**
   * Cards of tokens that are opened here; custodians keep one file for all tokens of a ceremony.
   * @throws `malformed`: a card of another splitting would give a PIN that opens nothing, a card of a stranger was never handed over
   */
  #read(text: string): Share[] {
    const shares = readCards(text).filter(({ token }) => this.#tokens.includes(token));
    if (shares.length === 0) fail('malformed', 'no card of a token that is opened here', { tokens: this.#tokens.join(' ') });
    const splittings = this.#proceedings.recorded(HANDOVER)?.['splittings'] as Facts | undefined;
    for (const { token, pin, set, ceremony, custodian } of shares) {
      if (ceremony !== this.#ceremony) fail('malformed', 'a card of another ceremony', { custodian, ceremony });
      if (!custodiansOf(this.#chosen, token).some(({ name }) => name === custodian))
        fail('malformed', 'a card of someone who is no custodian of this token', { custodian, token });
      const expected = splittings?.[nameOf({ token, pin })];
      if (expected !== undefined && expected !== set)
        fail('malformed', 'a card of a splitting that this ceremony gave up: destroy it', { custodian, token, set });
    }
    return shares;
  }
}
