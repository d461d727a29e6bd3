/** A key destroyed in its token, and read back as gone. Nothing brings it back there; what copies of a host's disk still hold is docs/ceremony.md's. */
import type { KeySpec } from '../../token/index.ts';
import type { Confirmation, Facts, Step } from '../plan.ts';
import type { CeremonySite } from '../site.ts';
import { open } from './token-keys.ts';

export interface Destruction {
  readonly id: string;
  readonly token: string;
  readonly spec: KeySpec;
  readonly purpose: string;
  readonly before: readonly string[];
  /** The public key that is to go, where it has one: another of the same label is left alone. */
  readonly goes: (known: ReadonlyMap<string, Facts>) => unknown;
  readonly confirm?: readonly Confirmation[];
}

export function destroyed({ id, token, spec, purpose, before, goes, confirm = [] }: Destruction): Step<CeremonySite> {
  return {
    id,
    role: 'operator',
    title: `destroy in ${token} the key ${purpose} (${spec.label})`,
    before,
    confirm,
    makes: [`${token}: no ${spec.label}`],
    do: (site) => open(site, token).destroyKey(spec),
    readBack: async (site, known) => {
      const there = await open(site, token).readKey(spec);
      return there !== undefined && there['publicKey'] === goes(known) ? undefined : { gone: spec.label };
    },
    after: [{ must: 'no object in the token has its label and is it', holds: ({ gone }) => gone === spec.label }],
  };
}
