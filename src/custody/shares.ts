/**
 * A token's PIN in m-of-n custody (docs/formats.md, "Custodian's card"): split by Shamir's scheme over GF(2^8), one card for
 * each custodian, so that fewer than m of them know nothing of it and n-m may be lost. The ceremony splits a PIN the moment
 * it is generated; a node's start puts one together. Who holds m cards holds the PIN.
 *
 * What a card says in words (ceremony, token, which PIN) is bound to its code, and the code has a checksum of its own: a typing
 * error, a card of another token or of another splitting are refused before they are used. That the PIN is the one that was
 * split is checked inside it: a forged share is noticed, which Shamir's scheme alone does not.
 */
import { bech32m } from '@scure/base';
import { combine, split } from 'shamir-secret-sharing';
import { concatBytes, equalBytes, fromUtf8, idToBytes, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import type { Random } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import { decode, type Field, struct, text, u8 } from '../wire/field.ts';
import { hash } from '../wire/signed.ts';

/** What was split: which PIN of which token, in which ceremony. */
export interface Entrusted {
  readonly ceremony: string;
  /** Its label. */
  readonly token: string;
  readonly pin: 'user' | 'security officer';
}

export interface Share extends Entrusted {
  readonly custodian: string;
  /** 1 to `count`. */
  readonly index: number;
  readonly count: number;
  /** How many shares give the PIN. */
  readonly threshold: number;
  /** The same in all shares of one splitting, 8 hex digits. */
  readonly set: string;
  readonly value: Secret<Uint8Array>;
}

const PREFIX = 'hfs';
const FORMAT = 1;
const CHECK_BYTES = 8;
const PLACE_BYTES = 8;
const SET_BYTES = 4;
/** A bech32m code of 90 characters shows up to four wrong ones for certain (BIP 350); one of a PIN of 24 has 89. */
const CODE_MAX = 90;
/** More custodians than anyone brings into one room. */
const SHARES_MAX = 16;

const DOMAIN = utf8('holdfast/v1/custody');
const placeFields = struct({ ceremony: text(255), token: text(255), pin: text(255) });

function placeOf({ ceremony, token, pin }: Entrusted): Uint8Array {
  const bytes = concatBytes(Uint8Array.of(DOMAIN.length), DOMAIN, placeFields.write({ ceremony, token, pin }));
  return idToBytes(hash(bytes)).slice(0, PLACE_BYTES);
}

const checkOf = (of: Entrusted, pin: Uint8Array): Uint8Array => idToBytes(hash(concatBytes(placeOf(of), pin))).slice(0, CHECK_BYTES);

/**
 * One share for each custodian, in their order.
 * @param threshold how many of them give the PIN: two or more, or one of them alone would hold it
 * @throws `malformed` when the numbers or the names make no custody
 */
export async function splitPin(
  pin: Secret<string>,
  of: Entrusted,
  custodians: readonly string[],
  threshold: number,
  random: Random,
): Promise<Share[]> {
  const count = custodians.length;
  if (!Number.isInteger(threshold) || threshold < 2 || count < threshold || count > SHARES_MAX)
    fail('malformed', `custody wants 2 to ${SHARES_MAX} custodians, at least 2 of whom are needed, and not more than there are`, {
      count,
      threshold,
    });
  if (new Set(custodians).size !== count) fail('malformed', 'one custodian is named twice');
  const secret = utf8(pin.reveal());
  const values = await split(concatBytes(checkOf(of, secret), secret), count, threshold);
  const set = Buffer.from(random(SET_BYTES)).toString('hex');
  return values.map((value, i) => {
    const share = { ...of, custodian: custodians[i] as string, index: i + 1, count, threshold, set, value: new Secret(value) };
    codeOf(share);
    return share;
  });
}

/**
 * The PIN again.
 * @param shares of one splitting; more than are needed do no harm
 * @throws `malformed` saying which share is missing, twice, or of something else; and when a share was forged
 */
export async function combineShares(shares: readonly Share[]): Promise<Secret<string>> {
  const [first, ...others] = shares;
  if (first === undefined) return fail('malformed', 'there is no share');
  const place = placeOf(first);
  for (const { index, set, threshold, count, ...of } of others) {
    if (!equalBytes(placeOf(of), place)) fail('malformed', `share ${index} is of another ceremony, token or PIN`, { token: of.token });
    if (set !== first.set || threshold !== first.threshold || count !== first.count)
      fail('malformed', `share ${index} is of another splitting of this PIN`, { expected: first.set, got: set });
  }
  if (new Set(shares.map(({ index }) => index)).size !== shares.length) fail('malformed', 'one share is there twice');
  if (shares.length < first.threshold) fail('malformed', 'more shares are needed', { have: shares.length, needed: first.threshold });
  const whole = await combineValues(shares.slice(0, first.threshold));
  const [check, pin] = [whole.subarray(0, CHECK_BYTES), whole.subarray(CHECK_BYTES)];
  if (!equalBytes(checkOf(first, pin), check))
    fail('malformed', 'these shares do not give the PIN that was split: one of them was altered');
  return new Secret(fromUtf8(pin));
}

async function combineValues(shares: readonly Share[]): Promise<Uint8Array> {
  try {
    return await combine(shares.map(({ value }) => value.reveal()));
  } catch (error) {
    return fail('malformed', 'these shares do not belong together', {}, error);
  }
}

const rest = (length: number): Field<Uint8Array> => ({ form: `${length}`, write: (value) => value, read: (from) => from.take(length) });
const codeFields = (length: number) =>
  struct({ format: u8, threshold: u8, count: u8, index: u8, set: rest(SET_BYTES), place: rest(PLACE_BYTES), value: rest(length) });
const CODE_HEAD_BYTES = 4 + SET_BYTES + PLACE_BYTES;

function codeOf(share: Share): string {
  const { threshold, count, index } = share;
  const value = share.value.reveal();
  const set = Uint8Array.from(Buffer.from(share.set, 'hex'));
  const bytes = codeFields(value.length).write({ format: FORMAT, threshold, count, index, set, place: placeOf(share), value });
  const code = bech32m.encode(PREFIX, bech32m.toWords(bytes), false);
  if (code.length > CODE_MAX) fail('malformed', 'this PIN is too long for a card', { charactersMax: 24 });
  return code;
}

/** The card, to be printed or kept as a file: the share in groups to be typed, and what it is of in words. */
export function cardOf(share: Share): Secret<string> {
  const { ceremony, token, pin, index, count, threshold, custodian, set } = share;
  const groups =
    codeOf(share)
      .slice(PREFIX.length + 1)
      .match(/.{1,5}/g) ?? [];
  const half = Math.ceil(groups.length / 2);
  return new Secret(`HOLDFAST CUSTODIAN'S CARD
Ceremony:  ${ceremony}
Token:     ${token}
PIN:       ${pin}
Share:     ${index} of ${count}, any ${threshold} give the PIN and fewer tell nothing (splitting ${set})
Custodian: ${custodian}
Code:      ${groups.slice(0, half).join(' ')}
           ${groups.slice(half).join(' ')}
Keep it where only you can reach it. Show it to nobody. Bring it when the token is to be opened.
`);
}

const LINE = /^(Ceremony|Token|PIN|Custodian): +(.*)$/gm;
const CODE = /^Code:([\s\S]*?)^Keep /m;

/** @throws `malformed` when it is no card, and when its words and its code speak of different things */
export function readCard(card: string): Share {
  const words = Object.fromEntries([...card.replaceAll('\r', '').matchAll(LINE)].map(([, name, value]) => [name, value?.trim()]));
  const { Ceremony: ceremony, Token: token, PIN: pin, Custodian: custodian } = words;
  const code = CODE.exec(card)?.[1];
  if (!ceremony || !token || !custodian || code === undefined) return fail('malformed', "this is no custodian's card");
  if (pin !== 'user' && pin !== 'security officer') return fail('malformed', 'the card is of no PIN that is known here');
  return { ...readCode(code, { ceremony, token, pin }), custodian };
}

/** The cards of one custodian, as one file or print holds them. @throws `malformed` when there is none */
export function readCards(text: string): Share[] {
  const cards = text.split(/^(?=HOLDFAST CUSTODIAN)/m).filter((card) => card.trim() !== '');
  return cards.length === 0 ? fail('malformed', 'there is no card') : cards.map(readCard);
}

/**
 * Of one custodian's cards the one for this PIN, so that no other leaves their hands. A single card is taken as it is: who is given it
 * judges it.
 * @throws `malformed` when none is for it
 */
export function cardAmong(text: string, of: Entrusted): Secret<string> {
  const cards = readCards(text);
  if (cards.length === 1) return new Secret(text);
  const found = cards.find((card) => card.ceremony === of.ceremony && card.token === of.token && card.pin === of.pin);
  const { ceremony, token } = of;
  return cardOf(
    found ?? fail('malformed', 'none of these cards is for the PIN that is waited for', { cards: cards.length, ceremony, token }),
  );
}

/**
 * Only the code, as somebody types it: case and spaces do not matter, the `hfs1` in front may be left out.
 * @param of what it is expected to be a share of
 * @throws `malformed`
 */
export function readCode(typed: string, of: Entrusted): Omit<Share, 'custodian'> {
  const letters = typed.toLowerCase().replace(/[\s-]/g, '');
  const code = letters.startsWith(`${PREFIX}1`) ? letters : `${PREFIX}1${letters}`;
  const bytes = bytesOf(code);
  if (bytes.length <= CODE_HEAD_BYTES) fail('malformed', 'the code on the card is too short');
  const { format, set, place, value, ...numbers } = decode(codeFields(bytes.length - CODE_HEAD_BYTES), bytes);
  if (format !== FORMAT) fail('malformed', 'the card is of a later version', { format });
  if (!equalBytes(place, placeOf(of)))
    fail('malformed', 'this code is of another ceremony, token or PIN', { token: of.token, pin: of.pin });
  return { ...of, ...numbers, set: Buffer.from(set).toString('hex'), value: new Secret(value) };
}

function bytesOf(code: string): Uint8Array {
  const decoded = code.length <= CODE_MAX ? bech32m.decodeUnsafe(code, CODE_MAX) : undefined;
  const bytes = decoded?.prefix === PREFIX ? bech32m.fromWordsUnsafe(decoded.words) : undefined;
  return bytes ? bytes : fail('malformed', 'the code on the card is mistyped: compare it with the paper');
}
