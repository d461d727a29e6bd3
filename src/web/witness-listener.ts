/**
 * Where everyone reads a witness and its log, and where logs ask for cosignatures: HTTPS, for any web page too, behind the
 * bounds of front.ts. All that is served proves itself; whoever controls this listener can withhold it, or serve what is old.
 *
 *   GET  /checkpoint  /tile/...                    c2sp.org/tlog-tiles; only of a witness that keeps a log
 *   GET  /policy  /roots/<version>.root.json       what is admitted; whose keys these are
 *   POST /add-checkpoint                           c2sp.org/tlog-witness
 *   GET  /<SHA-256 of an origin, hex>/checkpoint   the latest that was cosigned of that log
 *   GET  /health  /ready
 */
import cors from 'cors';
import type { Express, Request, Response } from 'express';
import helmet from 'helmet';
import { toId } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { parseTilePath, TILE_WIDTH } from '../log/tile.ts';
import { answerError, noSuchRoute } from './answer.ts';
import { type FrontOptions, frontApp, limitRate, serveFront } from './front.ts';
import type { Listener } from './listen.ts';
import { textBody } from './text-body.ts';
import type { LogPort, WitnessPort } from './witness-ports.ts';

/** Room for 63 lines of proof and sixteen post-quantum signatures. */
const CHECKPOINT_BYTES_MAX = 128 * 1024;

const TEXT = 'text/plain; charset=utf-8';
/** What never changes; what is there only until a wider one is; what is out of date in a moment. */
const CACHED = { forever: 'public, max-age=31536000, immutable', shortly: 'public, max-age=60', never: 'no-cache' } as const;

function answer(response: Response, type: string, cached: keyof typeof CACHED, body: string | Uint8Array | undefined): void {
  if (body === undefined) fail('not-found', 'there is nothing on this path');
  response.setHeader('cache-control', CACHED[cached]);
  response.type(type).send(typeof body === 'string' ? body : Buffer.from(body ?? []));
}

function addLogRoutes(app: Express, log: LogPort): void {
  app.get('/checkpoint', async (_, response) => answer(response, TEXT, 'never', await log.checkpoint()));
  app.get('/tile/{*path}', async ({ path }, response) => {
    const tile = parseTilePath(path.slice(1));
    answer(response, 'application/octet-stream', tile.width === TILE_WIDTH ? 'forever' : 'shortly', await log.tile(tile));
  });
  app.get('/policy', (_, response) => answer(response, 'application/json', 'shortly', JSON.stringify(log.policy())));
  app.get('/roots/:file', ({ params }, response) => {
    const [, version] = /^([1-9][0-9]{0,8})\.root\.json$/.exec(params.file) ?? [];
    answer(response, 'application/json', 'shortly', version === undefined ? undefined : log.root(Number(version)));
  });
}

function addWitnessRoutes(app: Express, witness: WitnessPort): void {
  app.post('/add-checkpoint', ...textBody(CHECKPOINT_BYTES_MAX), async ({ body }: Request, response: Response) => {
    const cosigned = await witness.addCheckpoint(body as string);
    response.setHeader('cache-control', CACHED.never);
    if ('line' in cosigned) response.type(TEXT).send(`${cosigned.line}\n`);
    // By Node's own means: to a text, and to a type of one, Express would add a character set, and this type has none.
    else if (cosigned.status === 409) response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end(`${cosigned.size}\n`);
    else response.status(cosigned.status).type(TEXT).send(`${cosigned.why}\n`);
  });
  app.get('/:origin/checkpoint', async ({ params }, response) => {
    answer(response, TEXT, 'shortly', await witness.monitored(toId(params.origin)));
  });
  app.get('/health', (_, response) => {
    const alive = witness.tokenState() !== 'dead';
    response.status(alive ? 200 : 503).json({ alive });
  });
  app.get('/ready', (_, response) => {
    const ready = witness.tokenState() === 'up';
    response.status(ready ? 200 : 503).json({ ready });
  });
}

/** @param log of a witness that keeps one */
export function startWitnessListener(witness: WitnessPort, log: LogPort | undefined, options: FrontOptions): Promise<Listener> {
  const app = frontApp(options);
  app.use(helmet({ crossOriginResourcePolicy: { policy: 'cross-origin' } }));
  app.use(cors({ origin: '*', methods: ['GET', 'POST'], allowedHeaders: ['content-type'], exposedHeaders: ['x-request-id'], maxAge: 600 }));
  app.use(limitRate(options.requestsPerMinute));
  if (log !== undefined) addLogRoutes(app, log);
  addWitnessRoutes(app, witness);
  app.use(noSuchRoute);
  app.use(answerError(options.trace));
  return serveFront(app, options);
}
