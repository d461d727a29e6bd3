/** Ports for a new fleet: free now, and not among those that the kernel gives to outgoing connections. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Linux gives out 32768 and above (net.ipv4.ip_local_port_range). */
const LOWEST = 20_000;
const BEYOND = 32_768;

export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let port = randomInt(LOWEST, BEYOND); found.length < count; port = port + 1 < BEYOND ? port + 1 : LOWEST) {
    if (await isFree(port)) found.push(port);
  }
  return found;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
