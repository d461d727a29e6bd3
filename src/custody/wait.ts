/** A program of this machine waits for a token's PIN until enough custodians have come to its desk: a node's start, the signing of a release. */
import type { Secret } from '../base/secret.ts';
import { type Desk, openDesk, type Told } from './desk.ts';
import { Gathering } from './gathering.ts';

export interface Awaited {
  /** As the cards name it. */
  readonly ceremony: string;
  /** Its label. */
  readonly token: string;
  /** Where custodians come to. */
  readonly socket: string;
}

/**
 * @param told of each share @param waiting once the desk is open
 * @throws what `stop` was aborted with; `configuration` when the socket's place is not this program's alone
 */
export async function waitForCustodians(
  { ceremony, token, socket }: Awaited,
  told: Told,
  waiting: () => void,
  stop: AbortSignal,
): Promise<Secret<string>> {
  const desk: Desk = await openDesk(socket, new Gathering({ ceremony, token, pin: 'user' }), told);
  waiting();
  try {
    return await new Promise((resolve, reject) => {
      const aborted = () => reject(stop.reason);
      if (stop.aborted) aborted();
      stop.addEventListener('abort', aborted, { once: true });
      void desk.pin.then(resolve);
    });
  } finally {
    await desk.close();
  }
}
