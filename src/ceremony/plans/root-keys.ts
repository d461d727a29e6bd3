/**
 * The root keys of operator and witness, and the first `root.json`, which both sides sign (docs/transparency.md, "Roots"). One
 * ceremony and one room, but custodians of each side's tokens are that side's own: neither can sign for the other. All other keys
 * that the root names were made before, each by its own side (release-signing), and are compared here.
 */
import { z } from 'zod';
import { fromBase64url, fromUtf8, toBase64url, toId, utf8 } from '../../base/bytes.ts';
import { parseVkey, verifyEd25519 } from '../../log/vkey.ts';
import type { KeySpec } from '../../token/index.ts';
import { assembleRoot, makeRoot } from '../../trust/make-root.ts';
import { hash } from '../../wire/signed.ts';
import { type Kind, namesIn, placesOf } from '../kind.ts';
import { coversTokens, EVERYONE_ONCE, hasEveryoneOnce, roomParameters, TOKENS_COVERED } from '../people.ts';
import { place } from '../places.ts';
import type { Known, Plan, Step } from '../plan.ts';
import type { CeremonySite } from '../site.ts';
import { asFacts, filled, parametersOf } from './parameters.ts';
import { closing, custodyProof, handover, opening } from './room-steps.ts';
import { signingKey, signingKeyOf, signingToken, triedStep } from './signing-token.ts';
import { rootKeysTemplate } from './templates.ts';
import { open } from './token-keys.ts';

const ROOT_KEY: KeySpec = { label: 'holdfast-root', kind: 'ed25519' };
const ROOT_FILE = 'root.json';

const token = z.strictObject({ name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/), token: place });
const vkey = filled.refine((text) => {
  try {
    return parseVkey(text).text === text;
  } catch {
    return false;
  }
}, 'expected a vkey, as "release-signing" gives it');

const shape = z.strictObject({
  ...roomParameters,
  namespace: filled,
  expires: z.iso.datetime({ precision: 0 }),
  /** How many root keys sign the next root: more than either side has. */
  threshold: z.int().min(2).max(16),
  sides: z.strictObject({ operator: z.array(token).min(1).max(8), witness: z.array(token).min(1).max(8) }),
  release: z.strictObject({ threshold: z.int().min(1).max(16), keys: z.array(vkey).min(1).max(16) }),
  log: vkey,
  witness: vkey,
  operator: vkey,
  thirdParties: z.array(vkey).max(32),
});
type RootKeys = z.output<typeof shape>;
const tokensOf = ({ sides }: Pick<RootKeys, 'sides'>) => [...sides.operator, ...sides.witness];
const namesOf = (chosen: Pick<RootKeys, 'sides'>): string[] => namesIn(tokensOf(chosen));

const parameters = shape
  .refine(hasEveryoneOnce, EVERYONE_ONCE)
  .refine((chosen) => coversTokens(chosen, namesOf(chosen)), TOKENS_COVERED)
  .refine((chosen) => new Set(namesOf(chosen)).size === namesOf(chosen).length, 'every token has another name')
  .refine(isAboveEitherSide, 'expected a threshold above what either side has, and not above what both have')
  .refine(keepsSidesApart, 'expected custodians each of whom shares the tokens of one side only: name their tokens');
const read = parametersOf(parameters);

function isAboveEitherSide({ threshold, sides: { operator, witness } }: RootKeys): boolean {
  return threshold > Math.max(operator.length, witness.length) && threshold <= operator.length + witness.length;
}

/** A custodian of both sides could, with others like him, sign for both. */
function keepsSidesApart({ custody, sides }: RootKeys): boolean {
  const has = (names: readonly string[], side: RootKeys['sides']['operator']): boolean => side.some(({ name }) => names.includes(name));
  return custody.custodians.every(({ tokens }) => tokens !== undefined && !(has(tokens, sides.operator) && has(tokens, sides.witness)));
}

/** What both sides sign. @throws `malformed` for a root that clients would refuse */
function bytesOf(
  { namespace, expires, threshold, sides, release, log, witness, operator, thirdParties }: RootKeys,
  known: Known,
): Uint8Array {
  const keys = (side: RootKeys['sides']['operator']): Uint8Array[] => side.map(({ name }) => signingKeyOf(known, name));
  return makeRoot({
    version: 1,
    expires,
    namespace,
    operatorRootKeys: keys(sides.operator),
    witnessRootKeys: keys(sides.witness),
    threshold,
    release,
    log,
    witness,
    operator,
    thirdParties,
  });
}

const HEARD = 'root/heard';
const signatureStep = (name: string): string => `${name}/signature`;
const signatureOf = (known: Known, name: string): Uint8Array => fromBase64url(String(known.get(signatureStep(name))?.['signature']));

function rootOf(chosen: RootKeys, known: Known): string {
  const signatures = namesOf(chosen).map((name) => ({ publicKey: signingKeyOf(known, name), signature: signatureOf(known, name) }));
  return assembleRoot(bytesOf(chosen, known), signatures);
}

function rootKeys(value: unknown): Plan<CeremonySite> {
  const chosen = read(value);
  const names = namesOf(chosen);
  return {
    name: 'root-keys',
    title: `Root keys of operator and witness: ${chosen.ceremony}`,
    people: { ...chosen.people, custodians: chosen.custody.custodians },
    parameters: asFacts(chosen),
    steps: [
      opening(chosen),
      handover(chosen, names),
      ...names.flatMap(signingToken),
      custodyProof(chosen, names),
      ...names.flatMap((name) => signingKey(name, ROOT_KEY, 'that signs roots')),
      heard(chosen),
      ...names.map((name) => signing(name, chosen)),
      written(chosen),
      closing(['root/file']),
    ],
    afterwards: [
      `as 1.root.json it is the first root: in rootsDir of the operator's and log.rootsDir of the witness's configuration`,
      `as root.json it is what nodes (transparency.rootFile) and clients (rootFile of their profile) pin`,
    ],
  };
}

function heard(chosen: RootKeys): Step<CeremonySite> {
  const digest = (known: Known): string => hash(bytesOf(chosen, known));
  return {
    id: HEARD,
    role: 'observer',
    title: `compare what both sides are about to sign: the root of ${chosen.namespace}, version 1`,
    before: namesOf(chosen).map(triedStep),
    confirm: [
      {
        by: 'observer',
        statement: 'the keys of release, log, witness, operator and third parties in the parameters are those that their owners told me',
      },
    ],
    readBack: async (_site, known) => ({ digest: digest(known), bytes: fromUtf8(bytesOf(chosen, known)) }),
    after: [
      {
        must: 'it names the root keys that were read back, and what was chosen',
        holds: (facts, known) => facts['digest'] === digest(known),
      },
    ],
    aloud: [{ what: 'the digest of what is signed', digest: (facts) => toId(String(facts['digest'])) }],
    sign: true,
  };
}

function signing(name: string, chosen: RootKeys): Step<CeremonySite> {
  const path = ['signatures', `${name}.sig`];
  return {
    id: signatureStep(name),
    role: 'operator',
    title: `sign the root in ${name}`,
    before: [HEARD],
    makes: [path.join('/')],
    do: async (site, known) => site.write(path, `${toBase64url(await open(site, name).sign(ROOT_KEY, bytesOf(chosen, known)))}\n`),
    readBack: async (site) => {
      const signature = site.read(...path)?.trim();
      return signature === undefined ? undefined : { signature };
    },
    after: [
      {
        must: 'the signature verifies under the key that was read back, over what was heard',
        holds: ({ signature }, known) => verifyEd25519(signingKeyOf(known, name), bytesOf(chosen, known), fromBase64url(String(signature))),
      },
    ],
  };
}

function written(chosen: RootKeys): Step<CeremonySite> {
  return {
    id: 'root/file',
    role: 'operator',
    title: `write the root with the signatures of both sides (${ROOT_FILE})`,
    before: namesOf(chosen).map(signatureStep),
    makes: [ROOT_FILE],
    do: async (site, known) => site.write([ROOT_FILE], rootOf(chosen, known)),
    readBack: async (site) => {
      const digest = site.digest(ROOT_FILE);
      return digest === undefined ? undefined : { digest };
    },
    after: [{ must: 'it is the root that both sides signed', holds: ({ digest }, known) => digest === hash(utf8(rootOf(chosen, known))) }],
    sign: true,
  };
}

export const rootKeysKind: Kind = {
  name: 'root-keys',
  about: 'root keys of operator and witness, and the first root.json, signed by both',
  plan: rootKeys,
  derive: (value, known) => ({ files: { [ROOT_FILE]: rootOf(read(value), known) } }),
  room: { read, places: (value) => placesOf(tokensOf(read(value))), template: rootKeysTemplate },
};
