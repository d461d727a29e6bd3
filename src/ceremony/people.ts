/**
 * Who takes part in a ceremony, as its parameters name them. The operator performs, observers compare and sign that it was so,
 * custodians take the shares of PINs. Operator and observers each have a signing key of their own, known before the ceremony.
 */
import { z } from 'zod';
import { fromBase64url } from '../base/bytes.ts';

export type Role = 'operator' | 'observer' | 'custodian';

export interface Person {
  readonly role: Role;
  readonly name: string;
}

const name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{C}:]+$/u, 'expected a name without colons and control characters');

/** Ed25519, 32 bytes, or a compressed point of P-256, 33; unpadded base64url. */
const signingKey = z.string().refine((text) => {
  try {
    return [32, 33].includes(fromBase64url(text).length);
  } catch {
    return false;
  }
}, 'expected a signing key, as "holdfast ceremony key" prints it');

const signer = z.strictObject({ name, key: signingKey });

const signersParameters = z.strictObject({ operator: signer, observers: z.array(signer).min(1).max(8) });

export type Signers = z.output<typeof signersParameters>;

const custodian = z.strictObject({
  name,
  /** Labels of the tokens whose PINs this custodian shares; by default all. */
  tokens: z.array(z.string().min(1)).min(1).optional(),
  /** An age recipient, to which the custodian's cards are encrypted; without one they are printed. */
  recipient: z
    .string()
    .regex(/^age1[a-z0-9]+$/, 'expected an age recipient (age1...)')
    .optional(),
});

/** Who holds the PINs: any `threshold` of the custodians give one. */
const custody = z
  .strictObject({
    /** The ceremony that the cards name, where it is an earlier one: the tokens were made there. */
    ceremony: z.string().min(1).max(128).optional(),
    threshold: z.int().min(2),
    custodians: z.array(custodian).max(16),
  })
  .refine(({ threshold, custodians }) => custodians.length >= threshold, 'expected as many custodians as are needed, or more');

/** What the parameters of every ceremony with people begin with. */
export const roomParameters = {
  /** What it is called, on cards and on paper. */
  ceremony: z.string().min(1).max(128),
  people: signersParameters,
  custody,
};

export type RoomParameters = z.output<z.ZodObject<typeof roomParameters>>;

export type Custodian = z.output<typeof custodian>;

/** Who shares the PINs of this token. */
export function custodiansOf({ custody: { custodians } }: Pick<RoomParameters, 'custody'>, token: string): Custodian[] {
  return custodians.filter(({ tokens }) => tokens?.includes(token) ?? true);
}

export const TOKENS_COVERED = 'expected as many custodians of every token as are needed, or more';

/** Every token has as many custodians as it takes. */
export function coversTokens(chosen: RoomParameters, tokens: readonly string[]): boolean {
  return tokens.every((token) => custodiansOf(chosen, token).length >= chosen.custody.threshold);
}

export const EVERYONE_ONCE = 'everyone has one role and one name, and each signer a key of their own';

/** Everyone once: a person with two roles would watch himself. */
export function hasEveryoneOnce({ people: { operator, observers }, custody: { custodians } }: RoomParameters): boolean {
  const watching = [operator, ...observers];
  const distinct = (texts: readonly string[]): boolean => new Set(texts).size === texts.length;
  return distinct([...watching, ...custodians].map((one) => one.name)) && distinct(watching.map(({ key }) => key));
}

export interface People extends Signers {
  readonly custodians: readonly { readonly name: string }[];
}

export function peopleOf({ operator, observers, custodians }: People, role: Role): Person[] {
  const found = { operator: [operator], observer: observers, custodian: custodians }[role];
  return found.map((one) => ({ role, name: one.name }));
}

/** Who signs the transcript: the operator and every observer. */
export function signersOf({ operator, observers }: Signers): (Person & { readonly key: string })[] {
  return [{ role: 'operator' as const, ...operator }, ...observers.map((one) => ({ role: 'observer' as const, ...one }))];
}
