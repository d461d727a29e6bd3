/** A token that holds one signing key and nothing else: a release key, a root key. Made before everyone, its key read back and tried. */
import type { KeySpec } from '../../token/index.ts';
import type { Known, Step } from '../plan.ts';
import type { CeremonySite } from '../site.ts';
import { keyBytes } from './earlier-fleet.ts';
import { freshToken, PROOF } from './room-steps.ts';
import { keyCreation, misuseStep } from './token-keys.ts';

export const keyStepOf = (token: string): string => `${token}/key`;
export const triedStep = (token: string): string => `${token}/misuse`;

/** The token itself; its key is made when the cards are proven. */
export const signingToken = (token: string): Step<CeremonySite>[] => freshToken(token, false);

/** @param purpose "that signs releases" */
export function signingKey(token: string, spec: KeySpec, purpose: string): Step<CeremonySite>[] {
  return [
    keyCreation(keyStepOf(token), token, spec, purpose, [PROOF]),
    misuseStep(triedStep(token), token, [keyStepOf(token)], [spec.kind], { [spec.label.replace('holdfast-', '')]: spec }),
  ];
}

/** 32 bytes. Only for steps that are recorded. */
export const signingKeyOf = (known: Known, token: string): Uint8Array => keyBytes(known.get(keyStepOf(token)), 'publicKey');
