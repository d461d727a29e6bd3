/** Parameters to be filled in by people, as `holdfast ceremony plan` prints them: JSON cannot hold comments, so the values say it. */
import { idToBytes, NO_ID, toBase64url, utf8 } from '../../base/bytes.ts';
import { type FleetEntry, makeEntry } from '../../fleet/entry.ts';
import { makeFleet } from '../../fleet/fleet.ts';
import { encodePoint, GENERATOR, multiplyPublic } from '../../oprf/point.ts';
import { PAGES_DEFAULT } from '../../token/index.ts';
import { hash } from '../../wire/signed.ts';
import { FILL_IN } from './parameters.ts';

export interface TemplateOptions {
  readonly nodes: number;
  /** Tokens in SoftHSM instead of devices: filled in, and protecting nothing. */
  readonly softhsm: boolean;
  /** Milliseconds since 1970: what validity begins with. */
  readonly nowMs: number;
}

const fill = (what: string): string => `${FILL_IN}: ${what}`;

/** Operator, two observers, three custodians of whom two are needed: the fewest that show every part. */
function roomTemplate(): Record<string, unknown> {
  const signer = { name: fill('full name'), key: fill('what "ceremony key" printed for this person') };
  return {
    ceremony: fill('what it is called, on cards and on paper'),
    people: { operator: signer, observers: [signer, signer] },
    custody: {
      threshold: 2,
      custodians: [
        { name: fill('full name') },
        { name: fill('full name') },
        { name: fill('full name'), recipient: fill('age recipient, or leave this line out for a printed card') },
      ],
    },
  };
}

function placeTemplate(token: string, softhsm: boolean): unknown {
  return softhsm ? { softhsm: token } : { module: fill("path of the vendor's PKCS#11 module"), slot: 0 };
}

/** Of a token that was made in an earlier ceremony. */
function existingPlace(token: string, softhsm: boolean): unknown {
  return softhsm
    ? { softhsm: fill(`the folder of its softhsm2.conf, in the earlier ceremony: .../${token}`) }
    : placeTemplate(token, false);
}

const toSecond = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const YEAR_MS = 365 * 24 * 3_600_000;

export function firstFleetTemplate({ nodes, softhsm, nowMs }: TemplateOptions): unknown {
  return {
    ...roomTemplate(),
    namespace: fill('of all accounts, for good: vault.example.org'),
    quorum: Math.floor(nodes / 2) + 1,
    validFrom: toSecond(nowMs),
    validUntil: toSecond(nowMs + YEAR_MS),
    pages: PAGES_DEFAULT,
    nodes: Array.from({ length: nodes }, (_, i) => ({
      name: `node-${i + 1}`,
      region: fill('where it stands'),
      operator: fill('who runs it'),
      url: fill('https://...'),
      token: placeTemplate(`node-${i + 1}`, softhsm),
    })),
  };
}

/** Of a ceremony on a fleet that exists. */
export function existingFleetTemplate({ nodes, softhsm, nowMs }: TemplateOptions, state: 'active' | 'retiring'): unknown {
  const { ceremony, people, custody } = roomTemplate() as { ceremony: string; people: unknown; custody: object };
  const retiring = { fleet: fill('id of the fleet'), since: toSecond(nowMs), validUntil: toSecond(nowMs + YEAR_MS) };
  return {
    ceremony,
    people,
    custody: { ceremony: fill('the ceremony that the cards name'), ...custody },
    entry: fill(
      `the line of the fleet entry in use${state === 'retiring' ? ', in which the fleet is retiring' : ''}; or {"file": "fleet-entry.json"}`,
    ),
    nodes: Array.from({ length: nodes }, (_, i) => ({ name: `node-${i + 1}`, token: existingPlace(`node-${i + 1}`, softhsm) })),
    ...(state === 'retiring' && retiring),
  };
}

export function releaseSigningTemplate({ softhsm }: TemplateOptions): unknown {
  const signing = (name: string, purpose: string) => ({
    name,
    keyName: fill('name of the key, for good: example.org/holdfast-code'),
    for: purpose,
    token: placeTemplate(name, softhsm),
  });
  return {
    ...roomTemplate(),
    keys: 'make',
    tokens: [signing('code-1', 'code'), signing('code-2', 'code')],
    release: {
      version: fill('of the release to sign; leave "release" out to make keys alone'),
      platform: fill('linux-x64'),
      measurement: fill('SHA-256 of its manifest.json, as "npm run release" prints it'),
    },
  };
}

export function rootKeysTemplate({ softhsm, nowMs }: TemplateOptions): unknown {
  const { ceremony, people } = roomTemplate() as { ceremony: string; people: unknown };
  const side = (name: string) => [1, 2].map((i) => ({ name: `${name}-root-${i}`, token: placeTemplate(`${name}-root-${i}`, softhsm) }));
  const custodians = (name: string) =>
    [1, 2].map(() => ({ name: fill(`full name, of the ${name}`), tokens: [`${name}-root-1`, `${name}-root-2`] }));
  return {
    ceremony,
    people,
    custody: { threshold: 2, custodians: [...custodians('operator'), ...custodians('witness')] },
    namespace: fill('of all accounts, for good: vault.example.org'),
    expires: toSecond(nowMs + 5 * YEAR_MS),
    threshold: 3,
    sides: { operator: side('operator'), witness: side('witness') },
    release: { threshold: 1, keys: [fill('vkey of a key that signs fleet entries, as release-signing gave it')] },
    log: fill('vkey of the log, as "holdfast witness setup" printed it'),
    witness: fill('vkey by which the witness cosigns, as "holdfast witness setup" printed it'),
    operator: fill('vkey by which the operator countersigns, as release-signing gave it'),
    thirdParties: [fill('vkey of a third party')],
  };
}

/** An entry with keys that anyone can compute: k times the base point. */
function exampleEntry(nodes: number, state: 'active' | 'retiring'): FleetEntry {
  const key = (k: number): Uint8Array => encodePoint(multiplyPublic(GENERATOR, BigInt(k)));
  const keys = Array.from({ length: nodes }, (_, i) => ({ identityKey: key(2 * i + 2), sealingKey: key(2 * i + 3) }));
  const quorum = Math.floor(nodes / 2) + 1;
  const fleet = makeFleet('vault.example', quorum, quorum, keys);
  return makeEntry({
    namespace: fleet.namespace,
    sequence: 1,
    previous: NO_ID,
    validFrom: '2025-01-01T00:00:00Z',
    validUntil: '2026-12-31T00:00:00Z',
    fleets: [
      {
        state,
        since: '2025-01-01T00:00:00Z',
        id: fleet.id,
        quorum,
        threshold: quorum,
        nodes: fleet.nodes.map(({ id, identityKey, sealingKey }, i) => ({
          id,
          name: `node-${i + 1}`,
          region: `region ${i + 1}`,
          operator: 'example operator',
          identityKey: toBase64url(identityKey),
          sealingKey: toBase64url(sealingKey),
          token: { model: 'SoftHSM v2', class: 'host', simulated: true },
          url: 'https://vault.example',
        })),
        measurements: [],
        evidence: [],
      },
    ],
  });
}

/** A template as somebody may fill it in, for dry runs and scripts without parameters. Nobody has the keys. */
export function exampleOf(template: unknown): unknown {
  const example = filledIn(template, '');
  if (typeof example !== 'object' || example === null || !('entry' in example && 'nodes' in example)) return example;
  const entry = exampleEntry(Math.max(3, (example.nodes as unknown[]).length), 'fleet' in example ? 'retiring' : 'active');
  return { ...example, entry: entry.line, ...('fleet' in example && { fleet: entry.fleets[0]?.fleet.id }) };
}

function filledIn(template: unknown, path: string): unknown {
  if (Array.isArray(template)) return template.map((one, i) => filledIn(one, `${path.replace(/s$/, '')} ${i + 1}`));
  if (typeof template === 'object' && template !== null)
    return Object.fromEntries(
      Object.entries(template).map(([member, value]) => [
        member,
        filledIn(value, member === 'name' || member === 'key' ? `${path}.${member}` : member),
      ]),
    );
  if (typeof template !== 'string' || !template.startsWith(FILL_IN)) return template;
  if (path.endsWith('.name')) return capitalised(path.slice(0, -'.name'.length));
  if (path.endsWith('.key')) return toBase64url(idToBytes(hash(utf8(path))));
  return (template.includes('vkey') ? VKEYS[path] : EXAMPLES[path]) ?? `example ${path}`;
}

const capitalised = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

const EXAMPLES: Readonly<Record<string, string>> = {
  namespace: 'vault.example',
  url: 'https://vault.example',
  recipient: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
  module: '/usr/lib/vendor/libpkcs11.so',
  softhsm: '../first-fleet/node',
  keyName: 'example.org/holdfast-code',
  version: '1.2.3',
  platform: 'linux-x64',
  measurement: 'ab'.repeat(32),
};

/** Of keys whose private halves are the SHA-256 of their names: nobody's. */
const VKEYS: Readonly<Record<string, string>> = {
  'key 1': 'example.org/entries+12cb07b0+AQLpMrSaoltuwbYd8Do0TZ8zLlBGsPRtwhkvTpmKmKbN',
  log: 'example.org/log+1677c36c+Aek/iR5ux92TyYfF2rmtiajS7c8ZgfJjdYvPvpxmFEk3',
  witness: 'example.org/witness+2f0876a4+BDfDwowYdz7HttKVX7VXeCeyCMa6Ve3PlHVXkN5snzyH',
  operator: 'example.org/operator+aa8f5824+BNlOnUSUX1D3qbbUIsjrn2Gel3tklFRTFNafZsLcBidt',
  'thirdPartie 1': 'example.net/third+c6c736bd+BJkOuTxZ/dqN1r4zXAMA0IzOSjazwccu1FyPjjeaBrHd',
};
