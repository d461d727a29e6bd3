/**
 * How many connections one address may have at one time, for every listener that strangers reach. What is beyond is closed before
 * it costs a TLS handshake. (Attack: one machine opens as many as the listener takes and says nothing; everybody else waits outside.)
 */
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ipKeyGenerator } from 'express-rate-limit';

/** @param until what a connection counts until: `identified` is for listeners where a TLS handshake shows who it is */
export function boundPerAddress(server: Server, connectionsMax: number, until: 'closed' | 'identified'): void {
  const held = new Map<string, number>();
  const pending = new Map<string, () => void>();
  const placeOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;

  server.on('connection', (socket: Socket) => {
    // A whole subnet of IPv6 is one: whoever has one address of it has them all.
    const address = ipKeyGenerator(socket.remoteAddress ?? '');
    const before = held.get(address) ?? 0;
    if (before >= connectionsMax) return void socket.destroy();
    held.set(address, before + 1);
    const place = placeOf(socket);
    const release = (): void => {
      if (!pending.delete(place)) return;
      const left = (held.get(address) ?? 1) - 1;
      if (left === 0) held.delete(address);
      else held.set(address, left);
    };
    pending.set(place, release);
    socket.once('close', release);
  });
  if (until === 'identified') server.on('secureConnection', (socket: TLSSocket) => pending.get(placeOf(socket))?.());
}
