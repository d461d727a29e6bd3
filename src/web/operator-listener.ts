/**
 * Where the operator submits to a log: mutual TLS 1.3. Who may is told by the SHA-256 of the SubjectPublicKeyInfo of his TLS
 * key, which stands in the witness's configuration; names, issuers and dates in his TLS certificate say nothing here. A
 * stranger gets one answer, which says what was found, and no second request.
 *
 *   POST /entries        a signed entry         200 {index, checkpoint, items}, 422 {error, items}
 *   POST /cosignatures   the checkpoint with the operator's cosignature         200 the checkpoint with all of them
 *
 * Whoever has one of these TLS keys can at most have entries judged, and submit what the release keys signed.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:https';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';
import type { admitted, notAdmitted } from '../api/log.ts';
import { codes, fail } from '../base/errors.ts';
import { NOTE_BYTES_MAX } from '../log/note.ts';
import { LEAF_BYTES_MAX } from '../log/tile.ts';
import { answerError, noSuchRoute, type Trace } from './answer.ts';
import { type Address, type Listener, listen, type TlsCredentials } from './listen.ts';
import { textBody } from './text-body.ts';
import type { SubmitPort } from './witness-ports.ts';

export interface OperatorListenerOptions {
  readonly address: Address;
  readonly credentials: TlsCredentials;
  /** SHA-256 of the SubjectPublicKeyInfo of each TLS key that may submit, in hex. */
  readonly clients: readonly string[];
  readonly connectionsMax: number;
  readonly requestLimitMs: number;
  readonly trace: Trace;
}

/** Beyond the longest conversation: evidence is fetched while the operator waits. */
const IDLE_MS = 600_000;

/** @returns nothing when the peer showed no TLS certificate. That he holds its key the handshake has shown. */
function spkiDigest(socket: TLSSocket): string | undefined {
  const key = socket.getPeerX509Certificate()?.publicKey.export({ format: 'der', type: 'spki' });
  return key && createHash('sha256').update(key).digest('hex');
}

/** @throws `not-signed` for a TLS key that is not in the configuration */
function onlyFrom(clients: readonly string[]): RequestHandler {
  return (request, response, next) => {
    const got = spkiDigest(request.socket as TLSSocket);
    if (got !== undefined && clients.includes(got)) return next();
    response.setHeader('connection', 'close');
    return fail('not-signed', 'the TLS key of this connection is none that log.operator.clients names', { got: got ?? 'none' });
  };
}

function routes(log: SubmitPort, { clients, trace }: OperatorListenerOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(onlyFrom(clients));
  app.post('/entries', ...textBody(LEAF_BYTES_MAX), async ({ body }: Request, response: Response) => {
    const submitted = await log.submit(body as string);
    if ('index' in submitted) {
      const { index, checkpoint, items } = submitted;
      trace.info({ index }, 'an entry was admitted');
      return void response.json({ index, checkpoint, items: [...items] } satisfies z.input<typeof admitted>);
    }
    const { failed, items } = submitted;
    trace.info({ item: failed.item, why: failed.words, ...failed.evidence }, 'an entry was refused');
    const error = {
      code: 'not-admitted' as const,
      message: `${failed.item}: ${failed.words}`,
      evidence: failed.evidence,
      next: codes['not-admitted'].next,
    };
    return void response.status(codes['not-admitted'].http).json({ error, items: [...items] } satisfies z.input<typeof notAdmitted>);
  });
  app.post('/cosignatures', ...textBody(NOTE_BYTES_MAX), async ({ body }: Request, response: Response) => {
    response.type('text/plain; charset=utf-8').send(await log.countersign(body as string));
  });
  app.use(noSuchRoute);
  app.use(answerError(trace));
  return app;
}

export function startOperatorListener(log: SubmitPort, options: OperatorListenerOptions): Promise<Listener> {
  const { credentials, address, connectionsMax, requestLimitMs } = options;
  const context = (): SecureContextOptions => ({ ...credentials.current(), minVersion: 'TLSv1.3' });
  const server = createServer(
    {
      ...context(),
      requestCert: true,
      // Of whom the TLS certificate is, `onlyFrom` asks: there is no authority to check it with.
      rejectUnauthorized: false,
      headersTimeout: requestLimitMs,
      requestTimeout: requestLimitMs,
      handshakeTimeout: requestLimitMs,
      keepAliveTimeout: 30_000,
      connectionsCheckingInterval: 1000,
    },
    routes(log, options),
  );
  server.maxConnections = connectionsMax;
  server.setTimeout(IDLE_MS);
  credentials.onRenewal(() => server.setSecureContext(context()));
  return listen(server, address);
}
