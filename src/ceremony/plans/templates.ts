/** Parameters to be filled in by people, as `holdfast ceremony plan` prints them: JSON cannot hold comments, so the values say it. */
import { idToBytes, toBase64url, utf8 } from '../../base/bytes.ts';
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

/** A template as somebody may fill it in, for dry runs and scripts without parameters. Nobody has the keys. */
export function exampleOf(template: unknown, path = ''): unknown {
  if (Array.isArray(template)) return template.map((one, i) => exampleOf(one, `${path.replace(/s$/, '')} ${i + 1}`));
  if (typeof template === 'object' && template !== null)
    return Object.fromEntries(
      Object.entries(template).map(([member, value]) => [
        member,
        exampleOf(value, member === 'name' || member === 'key' ? `${path}.${member}` : member),
      ]),
    );
  if (typeof template !== 'string' || !template.startsWith(FILL_IN)) return template;
  if (path.endsWith('.name')) return capitalised(path.slice(0, -'.name'.length));
  if (path.endsWith('.key')) return toBase64url(idToBytes(hash(utf8(path))));
  return EXAMPLES[path] ?? `example ${path}`;
}

const capitalised = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

const EXAMPLES: Readonly<Record<string, string>> = {
  namespace: 'vault.example',
  url: 'https://vault.example',
  recipient: 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
  module: '/usr/lib/vendor/libpkcs11.so',
};
