/** Web servers that serve whatever a test wants as a node's bundle. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BundleServer {
  readonly url: string;
  /** What it answers next; nothing for a node that has none. */
  bundle: string | undefined;
  close(): void;
}

export async function serveBundle(bundle: string | undefined): Promise<BundleServer> {
  const server: Server = createServer((request, response) => {
    if (request.url !== '/v1/bundle' || made.bundle === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'application/json' }).end(made.bundle);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const made: BundleServer = {
    url: `http://127.0.0.1:${port}`,
    bundle,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return made;
}
