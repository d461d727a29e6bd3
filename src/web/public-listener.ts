/**
 * Where clients ask: HTTPS for browsers and programs. Everything before a route is bounded: connections, time, rate, size.
 * The TLS certificate may come from anywhere; no trust in what a node says rests on it.
 *
 * Whoever controls this listener, or the network before it, can deny service and see who asks when; no secret passes here.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import cors from 'cors';
import express, { type Express } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { HoldfastError } from '../base/errors.ts';
import { answerError, noSuchRoute } from './answer.ts';
import { type Address, type Listener, listen, type TlsCredentials } from './listen.ts';
import type { Meter } from './metrics.ts';
import { addPublicRoutes, type PublicParts } from './public-routes.ts';

export interface PublicListenerOptions {
  readonly address: Address;
  readonly credentials: TlsCredentials;
  /** Web origins whose pages may ask; others may not read an answer. */
  readonly origins: readonly string[];
  /** Proxies in front whose X-Forwarded-For counts; 0 believes none. */
  readonly proxies: number;
  readonly requestsPerMinute: number;
  readonly connectionsMax: number;
  /** To send a request whole. */
  readonly requestLimitMs: number;
  readonly trace: Logger;
  readonly meter: Meter;
}

const MINUTE_MS = 60_000;
const IDLE_MS = 2 * MINUTE_MS;

/** The chain before and after the routes; a test walks it. */
export function publicApp(parts: PublicParts, options: Omit<PublicListenerOptions, 'address' | 'credentials'>): Express {
  const { origins, proxies, requestsPerMinute, trace, meter } = options;
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
  app.use(meter.requests);
  app.use(helmet());
  app.use((_, response, next) => {
    // What nodes say is for one moment; an answer out of a cache would be an old one.
    response.setHeader('cache-control', 'no-store');
    next();
  });
  app.use(
    cors({
      origin: [...origins],
      methods: ['GET', 'POST'],
      allowedHeaders: ['authorization', 'content-type'],
      exposedHeaders: ['retry-after', 'x-request-id'],
      maxAge: 600,
    }),
  );
  app.use('/v1', limitRate(requestsPerMinute));
  addPublicRoutes(app, parts);
  app.use(noSuchRoute);
  app.use(answerError(trace));
  return app;
}

function limitRate(requestsPerMinute: number) {
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

export function startPublicListener(parts: PublicParts, options: PublicListenerOptions): Promise<Listener> {
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
    publicApp(parts, options),
  );
  server.maxConnections = connectionsMax;
  // Beyond the longest conversation: for whoever does not read an answer.
  server.setTimeout(IDLE_MS);
  credentials.onRenewal(() => server.setSecureContext(context()));
  return listen(server, address);
}
