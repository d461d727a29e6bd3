/** Every kind of ceremony, by the name of its plan. */
import { fail } from '../base/errors.ts';
import type { Kind } from './kind.ts';
import { deriveEntry } from './plans/derive-entry.ts';
import { DEVELOPMENT_FLEET, developmentFleet } from './plans/development-fleet.ts';
import { readParameters } from './plans/development-parameters.ts';
import { ENTRY_FILE, firstFleetKind } from './plans/first-fleet.ts';
import { releaseSigningKind } from './plans/release-signing.ts';
import { retireFleetKind } from './plans/retire-fleet.ts';
import { rootKeysKind } from './plans/root-keys.ts';
import { tlsRenewalKind } from './plans/tls-renewal.ts';

const developmentKind: Kind = {
  name: DEVELOPMENT_FLEET,
  about: 'a fleet on this machine, with SoftHSM; nobody signs, and PINs are in files',
  plan: developmentFleet,
  derive: (parameters, known) => {
    const entry = deriveEntry(readParameters(parameters), known);
    return { files: { [ENTRY_FILE]: `${entry.line}\n` }, entry };
  },
};

export const kinds: readonly Kind[] = [developmentKind, firstFleetKind, tlsRenewalKind, retireFleetKind, releaseSigningKind, rootKeysKind];

/** @throws `malformed` for a plan that this version does not know */
export function kindOf(name: unknown): Kind {
  const found = kinds.find((kind) => kind.name === name);
  return (
    found ?? fail('malformed', 'this version knows no such plan', { plan: String(name), known: kinds.map((kind) => kind.name).join(' ') })
  );
}
