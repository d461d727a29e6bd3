/** What every ceremony with people begins and ends with, and how its tokens and their PINs come about. */
import { toId } from '../../base/bytes.ts';
import { HANDOVER } from '../custody.ts';
import { custodiansOf, type RoomParameters } from '../people.ts';
import type { Condition, Fact, Facts, Step } from '../plan.ts';
import { programDigest } from '../program.ts';
import type { CeremonySite } from '../site.ts';
import { isEmpty, opensShares } from './node-token.ts';
import { tokenStep } from './token-keys.ts';

export const OPENING = 'room/opening';
const CLOSING = 'room/closing';
export const PROOF = 'custody/proof';
const UNLOCKED = 'custody/unlocked';
const freshStep = (token: string): string => `${token}/fresh`;

type RoomStep = Step<CeremonySite>;

export function opening({ ceremony }: RoomParameters): RoomStep {
  return {
    id: OPENING,
    role: 'observer',
    title: `open the ceremony "${ceremony}"`,
    before: [],
    confirm: [
      { by: 'operator', statement: 'everyone who is named is in this room, nobody else is, and the door is closed' },
      {
        by: 'observer',
        statement:
          'I have the printed script, I know nobody here has two roles, and I will say so aloud whenever something is not as it says',
      },
      { by: 'custodian', statement: 'I will keep my cards to myself, and I have a way to keep them' },
      {
        by: 'observer',
        statement:
          'this machine is on no network, nothing is plugged into it but what the script names, and nobody was alone with it since it was installed',
      },
    ],
    readBack: async () => ({ program: programDigest(), node: process.version, platform: `${process.platform} ${process.arch}` }),
    after: [
      { must: 'the program that performs it is named by its digest', holds: ({ program }) => /^[0-9a-f]{64}$/.test(String(program)) },
    ],
    aloud: [{ what: 'the digest of the program, as it was published', digest: ({ program }) => toId(String(program)) }],
    sign: true,
  };
}

/** @param last the steps that must be done by then */
export function closing(last: readonly string[]): RoomStep {
  return {
    id: CLOSING,
    role: 'observer',
    title: 'close the ceremony',
    before: last,
    confirm: [
      { by: 'custodian', statement: 'I have my cards, and nobody else has seen them' },
      {
        by: 'observer',
        statement: 'everything that was not as the script says is on record as an exception, and what was written on paper is the same',
      },
    ],
    readBack: async (site) => ({ cardsLeft: site.cardsLeft() }),
    after: [{ must: 'no card is left here in the clear', holds: ({ cardsLeft }) => Array.isArray(cardsLeft) && cardsLeft.length === 0 }],
  };
}

/** PINs for tokens that do not exist yet. */
export function handover({ custody: { threshold, custodians } }: RoomParameters, tokens: readonly string[]): RoomStep {
  const pins = 2 * tokens.length;
  return {
    id: HANDOVER,
    role: 'custodian',
    title: `make ${pins} PINs (user and security officer of ${tokens.join(', ')}), split each among the custodians of its token, any ${threshold} of whom give it, and hand the cards over`,
    how: 'One custodian after the other is told a file with their cards. They print it or copy it, look whether it is legible, and only then say yes: what is not encrypted is removed at once.',
    before: [OPENING],
    makes: tokens.map((token) => `${token}: PINs`),
    confirm: [{ by: 'observer', statement: 'no camera sees what custodians are handed, and no custodian sees the cards of another' }],
    do: (site) => site.custody.entrust(),
    readBack: async (site) => site.custody.handedOver(),
    after: [
      {
        must: `every PIN was split so that it takes ${threshold}`,
        holds: (facts) => facts['threshold'] === threshold && tokens.every((token) => hasSplittings(facts, token)),
      },
      {
        must: 'every custodian took their cards, encrypted to them or printed',
        holds: ({ taken }) => custodians.every(({ name, recipient }) => tookTheirs((taken as Facts)[name] as Facts | undefined, recipient)),
      },
    ],
  };
}

function hasSplittings({ splittings }: Facts, token: string): boolean {
  return ['user', 'security officer'].every((pin) => /^[0-9a-f]{8}$/.test(String((splittings as Facts)[`${token} ${pin}`])));
}

function tookTheirs(taken: Facts | undefined, recipient: string | undefined): boolean {
  return taken !== undefined && (recipient === undefined ? taken['printed'] === true : taken['recipient'] === recipient);
}

/**
 * A token that is made here: seen to be one that was never initialised, and then initialised with PINs that nobody has alone.
 * @param node whether it must open shares; else it only signs
 */
export function freshToken(token: string, node: boolean): RoomStep[] {
  return [
    {
      id: freshStep(token),
      role: 'observer',
      title: `look at the token for ${token} before anything is done to it`,
      before: [HANDOVER],
      confirm: [
        {
          by: 'observer',
          statement: `the device for ${token} is the one that was delivered: its serial number and its seals are as on the delivery note`,
        },
      ],
      readBack: (site) => site.token(token).look(),
      after: [
        {
          must: 'it was never initialised: nothing is in it, and nobody has a PIN of it',
          holds: ({ initialised }) => initialised === false,
        },
      ],
    },
    {
      id: tokenStep(token),
      role: 'operator',
      title: `initialise the token of ${token}, with PINs of the custodians${node ? ', and probe what it can do' : ''}`,
      before: [freshStep(token)],
      makes: [token],
      do: (site) => site.initialise(token),
      readBack: async (site) => {
        const remote = site.token(token);
        if ((await remote.look())['initialised'] !== true) return undefined;
        return node ? remote.probe() : remote.describe();
      },
      after: [isEmpty, sameDevice(token), ...(node ? [opensShares] : [])],
    },
  ];
}

/** A token says its serial number only once it is initialised, where it is a simulation. */
function sameDevice(token: string): Condition {
  return {
    must: 'it is the device that was looked at',
    holds: ({ model, manufacturer, serial }, known) => {
      const seen = known.get(freshStep(token));
      return (
        seen?.['model'] === model && seen?.['manufacturer'] === manufacturer && (seen?.['serial'] === '' || seen?.['serial'] === serial)
      );
    },
  };
}

/** Before anything of worth is in them: that the cards open the tokens. */
export function custodyProof(chosen: RoomParameters, tokens: readonly string[]): RoomStep {
  const title = `prove that the cards open the tokens: any ${chosen.custody.threshold} custodians of each bring theirs`;
  return cardsOpen(PROOF, chosen, tokens, tokens.map(tokenStep), title);
}

/** Tokens of an earlier ceremony, by the cards of that one. */
export function unlocking(chosen: RoomParameters, tokens: readonly string[]): RoomStep {
  const title = `open ${tokens.join(', ')}: ${chosen.custody.threshold} custodians of each bring their cards`;
  return cardsOpen(UNLOCKED, chosen, tokens, [OPENING], title);
}

function cardsOpen(id: string, chosen: RoomParameters, tokens: readonly string[], before: readonly string[], title: string): RoomStep {
  const { threshold } = chosen.custody;
  const enough = (brought: readonly Fact[], token: string): boolean =>
    custodiansOf(chosen, token).filter(({ name }) => brought.includes(name)).length >= threshold;
  return {
    id,
    role: 'custodian',
    title,
    how: 'A custodian gives the path of the file with their cards (and of the age identity that opens it), or types the codes, which are not shown.',
    before,
    readBack: (site) => site.openByCards(),
    after: [
      {
        must: `${threshold} custodians of each token brought cards`,
        holds: ({ brought }) => Array.isArray(brought) && tokens.every((token) => enough(brought, token)),
      },
      { must: 'every token took the PIN that the cards gave', holds: ({ opened }) => JSON.stringify(opened) === JSON.stringify(tokens) },
    ],
  };
}

/** What an opened token is, where it was not made here. */
export function knownToken(token: string): RoomStep {
  return {
    id: tokenStep(token),
    role: 'observer',
    title: `look at what ${token} is`,
    before: [UNLOCKED],
    readBack: (site) => site.token(token).describe(),
    after: [{ must: 'it says its make and its serial number', holds: ({ model, serial }) => Boolean(model) && Boolean(serial) }],
  };
}
