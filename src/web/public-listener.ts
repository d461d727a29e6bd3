/**
 * Where clients ask: HTTPS for browsers and programs, behind the bounds of front.ts. The TLS certificate may come from
 * anywhere; no trust in what a node says rests on it.
 *
 * Whoever controls this listener, or the network before it, can deny service and see who asks when; no secret passes here.
 */
import cors from 'cors';
import type { Express, Request } from 'express';
import helmet from 'helmet';
import { BUNDLE_HEADER } from '../api/publication.ts';
import { answerError, noSuchRoute } from './answer.ts';
import { type FrontOptions, frontApp, limitRate, serveFront } from './front.ts';
import type { Listener } from './listen.ts';
import type { Meter } from './metrics.ts';
import { addPublicRoutes, type PublicParts } from './public-routes.ts';
import { COSTLY_PER_MINUTE } from './publication-routes.ts';

export interface PublicListenerOptions extends FrontOptions {
  /** Web origins whose pages may ask; others may not read an answer. */
  readonly origins: readonly string[];
  readonly meter: Meter;
}

function isForEveryone({ method, path }: Request): boolean {
  return method === 'GET' && (path === '/v1/bundle' || path === '/v1/live');
}

/** The chain before and after the routes; a test walks it. */
export function publicApp(parts: PublicParts, options: Omit<PublicListenerOptions, 'address' | 'credentials'>): Express {
  const { origins, requestsPerMinute, trace, meter } = options;
  const app = frontApp(options);
  app.use(meter.requests);
  app.use(helmet());
  app.use((_, response, next) => {
    // What nodes say is for one moment; an answer out of a cache would be an old one.
    response.setHeader('cache-control', 'no-store');
    next();
  });
  const configured = cors({
    origin: [...origins],
    methods: ['GET', 'POST'],
    allowedHeaders: ['authorization', 'content-type', BUNDLE_HEADER],
    exposedHeaders: ['retry-after', 'x-request-id'],
    maxAge: 600,
  });
  // What is public proves itself and takes no login: a page that audits may read it, from wherever it is served.
  const anyone = cors({ origin: '*', methods: ['GET'] });
  app.use((request, response, next) => (isForEveryone(request) ? anyone : configured)(request, response, next));
  app.use('/v1', limitRate(requestsPerMinute));
  addPublicRoutes(app, parts, limitRate(Math.min(requestsPerMinute, COSTLY_PER_MINUTE)));
  app.use(noSuchRoute);
  app.use(answerError(trace));
  return app;
}

export function startPublicListener(parts: PublicParts, options: PublicListenerOptions): Promise<Listener> {
  return serveFront(publicApp(parts, options), options);
}
