/**
 * What stands before every route that strangers reach, and the HTTPS server around it: connections, time and rate are bounded,
 * headers are safe, requests are traced without what they carry. For a node's clients and for the readers of a log.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Express, RequestHandler } from 'express';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { HoldfastError } from '../base/errors.ts';
import { boundPerAddress } from './crowd.ts';
import { type Address, type Listener, listen, type TlsCredentials } from './listen.ts';

export interface FrontOptions {
  readonly address: Address;
  readonly credentials: TlsCredentials;
  /** Proxies in front whose X-Forwarded-For counts; 0 believes none. */
  readonly proxies: number;
  readonly requestsPerMinute: number;
  readonly connectionsMax: number;
  /** Of one address; where proxies stand in front, all are theirs and it does not count. */
  readonly connectionsPerAddressMax: number;
  /** To send a request whole. */
  readonly requestLimitMs: number;
  readonly trace: Logger;
}

const MINUTE_MS = 60_000;
const IDLE_MS = 2 * MINUTE_MS;

/** An Express that tells nothing of itself, believes no more proxies than there are, and traces requests. */
export function frontApp({ proxies, trace }: Pick<FrontOptions, 'proxies' | 'trace'>): Express {
  const app = express();
  app.disable('etag');
  app.disable('x-powered-by');
  app.set('trust proxy', proxies);
  app.set('query parser', false);
  app.use(
    pinoHttp({
      logger: trace,
      genReqId: (_, response) => {
        const id = randomUUID();
        response.setHeader('x-request-id', id);
        return id;
      },
      // No header, no query, no body: passes, PINs and key material have no way into the trace.
      serializers: {
        req: ({ id, method, url }: { id: string; method: string; url: string }) => ({ id, method, path: url.split('?')[0]?.slice(0, 64) }),
        res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
        err: ({ type }: { type: string }) => ({ type }),
      },
      customLogLevel: (_, response) => (response.statusCode >= 500 ? 'warn' : 'debug'),
    }),
  );
  return app;
}

export function limitRate(requestsPerMinute: number): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit: requestsPerMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // A header that nobody here believes is no reason to print a warning.
    validate: { xForwardedForHeader: false },
    handler: (_request, _response, next) =>
      next(new HoldfastError('rate-limited', `at most ${requestsPerMinute} requests per minute from one address`)),
  });
}

export function serveFront(app: Express, options: FrontOptions): Promise<Listener> {
  const { credentials, requestLimitMs, connectionsMax, address } = options;
  const context = (): SecureContextOptions => ({ ...credentials.current(), minVersion: 'TLSv1.2' });
  const server = createServer(
    {
      ...context(),
      headersTimeout: requestLimitMs,
      requestTimeout: requestLimitMs,
      keepAliveTimeout: 30_000,
      handshakeTimeout: requestLimitMs,
      connectionsCheckingInterval: 1000,
    },
    app,
  );
  server.maxConnections = connectionsMax;
  if (options.proxies === 0) boundPerAddress(server, options.connectionsPerAddressMax, 'closed');
  // Beyond the longest conversation: for whoever does not read an answer.
  server.setTimeout(IDLE_MS);
  credentials.onRenewal(() => server.setSecureContext(context()));
  return listen(server, address);
}
