/** When a program must go on as a new process, for what became of its tokens. */
import { HoldfastError } from '../base/errors.ts';
import type { Parts } from '../base/parts.ts';
import type { Token } from './token.ts';

const WATCH_MS = 1_000;

/**
 * Resolves, with why, once one of the tokens must not be used any more: another process took it over, or it came back with other keys or older
 * counters. Nor is TLS any good after a reload: OpenSSL's engine holds the module as it was, and handshakes with a key in the token fail from then on.
 *
 * @param program as in "start this node anew"
 */
export function whenSpent(
  tokens: readonly Pick<Token, 'state' | 'moduleRestarts'>[],
  program: string,
  parts: Parts,
): Promise<HoldfastError> {
  return new Promise((resolve) => {
    const spend = (why: string) => resolve(new HoldfastError('token-unavailable', `${why}: start this ${program} anew`));
    const look = () => {
      if (tokens.some(({ state }) => state === 'dead')) spend('the token must not be used by this process any more');
      if (tokens.some(({ moduleRestarts }) => moduleRestarts > 0)) spend('the PKCS#11 module had to be loaded anew');
    };
    parts.add(setInterval(look, WATCH_MS), (timer) => clearInterval(timer));
  });
}
