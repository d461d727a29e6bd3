/** fetch with an own certification authority, for fleets whose web addresses the system's authorities do not know. */
import { Agent, fetch as undiciFetch } from 'undici';
import type { Fetch } from '../fleet-http.ts';

/** @param ca PEM; nothing for the system's authorities */
export function fetchWith(ca?: string): { fetch: Fetch; close(): Promise<void> } {
  const agent = new Agent({ connect: ca === undefined ? {} : { ca }, connections: 4 });
  return {
    fetch: (url, init) =>
      undiciFetch(url, { ...init, dispatcher: agent } as Parameters<typeof undiciFetch>[1]) as unknown as Promise<Response>,
    // Not `close`, which waits ten seconds for the handshake of a node that hangs, though nobody wants its answer any more.
    close: () => agent.destroy(),
  };
}
