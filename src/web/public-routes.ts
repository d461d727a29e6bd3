/** What clients may ask, from an HTTP request to the vault behind it and back: the pass, the body, the envelope. */
import type { Express, Request, RequestHandler } from 'express';
import {
  type Envelope,
  envelope,
  PASS_LENGTH_MAX,
  PUBLIC_BODY_BYTES_MAX,
  type PublicOperation,
  publicOperations,
  type Readiness,
  type RequestOf,
  requests,
} from '../api/bodies.ts';
import { decodeJson, encodeJson } from '../api/json.ts';
import { openApi } from '../api/openapi.ts';
import { BUNDLE_HEADER } from '../api/publication.ts';
import { fail } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { Caller } from '../quorum/ask.ts';
import { parseRegistration } from '../vault/registration.ts';
import type { Signed } from '../wire/signed.ts';
import { jsonBody } from './answer.ts';
import type { Passes } from './pass.ts';
import type { PublicationPort, VaultPort } from './ports.ts';
import { addPublicationRoutes, bundleFor } from './publication-routes.ts';

export interface PublicParts {
  readonly vault: VaultPort;
  readonly passes: Passes;
  /** The fleet entry's line. */
  readonly entryLine: string;
  readonly publication: PublicationPort;
  readonly tokenState: () => 'up' | 'away' | 'dead';
  readonly clock: Clock;
}

type Operations = { readonly [Op in PublicOperation]: (body: RequestOf<Op>, caller: Caller) => Promise<Envelope> };

function operations({ clients, fleet }: VaultPort): Operations {
  return {
    status: async ({ request }, caller) => enveloped(await clients.status({ caller, request })),
    register: async ({ request, registration, approval }, caller) =>
      enveloped(
        await clients.register({ caller, request, registration: parseRegistration(registration, fleet), ...(approval && { approval }) }),
      ),
    activate: async ({ standing }, { place }) => enveloped(await clients.activate(standing, place)),
    attempt: async ({ request, element, shown = [] }, caller) => enveloped(await clients.attempt({ caller, request, element, shown })),
    confirm: async ({ confirmed }, { place }) => enveloped(await clients.confirm(confirmed, place)),
    cancel: async ({ cancelled }, { place }) => {
      const { stands, refused } = await clients.cancel(place, cancelled);
      return { ...enveloped({ said: [], refused }), stands: [...stands] };
    },
    events: async ({ request }, caller) => {
      const { told, refused } = await clients.events({ caller, request });
      return { ...enveloped({ said: told, refused }), events: told.map(({ node, events }) => ({ node, events })) };
    },
    wait: async ({ request }, caller) => enveloped(await clients.wait({ caller, request })),
  };
}

type Outcome = Pick<Envelope, 'votes' | 'standing'> & {
  readonly lock?: readonly Signed[];
  readonly said: readonly Envelope['said'][number][];
  readonly refused: readonly Envelope['refused'][number][];
};

function enveloped({ said, refused, votes, standing, lock }: Outcome): Envelope {
  return {
    said: [...said],
    refused: [...refused],
    ...(votes && { votes }),
    ...(standing && { standing }),
    ...(lock && { lock: [...lock] }),
  };
}

/** @throws `pass-refused` */
function passOf(request: Request): string {
  const [, pass] = /^Bearer ([A-Za-z0-9._-]+)$/.exec(request.get('authorization') ?? '') ?? [];
  if (pass === undefined || pass.length > PASS_LENGTH_MAX) return fail('pass-refused', 'expected the header Authorization: Bearer <pass>');
  return pass;
}

/** @param costly bounds the routes that cost signatures */
export function addPublicRoutes(app: Express, parts: PublicParts, costly: RequestHandler): void {
  const { vault, passes, entryLine, publication, tokenState } = parts;
  const perform = operations(vault) as Record<PublicOperation, (body: unknown, caller: Caller) => Promise<Envelope>>;
  const description = openApi();
  for (const operation of publicOperations) {
    app.post(
      `/v1/${operation}`,
      (request, _, next) => {
        passOf(request);
        next();
      },
      jsonBody(PUBLIC_BODY_BYTES_MAX),
      async (request, response) => {
        const body = decodeJson<RequestOf<PublicOperation>>(requests[operation], request.body, 'the body');
        const caller = await passes.check(passOf(request), body.way, body.clientKey);
        const bundle = bundleFor(request.get(BUNDLE_HEADER), publication);
        response.json(encodeJson(envelope, { ...bundle, ...(await perform[operation](body, caller)) }));
      },
    );
  }
  app.get('/v1/fleet', (_, response) => void response.type('application/json').send(entryLine));
  addPublicationRoutes(app, vault.self, publication, costly);
  app.get('/health', (_, response) => {
    const alive = tokenState() !== 'dead';
    response.status(alive ? 200 : 503).json({ alive });
  });
  app.get('/ready', async (_, response) => {
    const state = await readinessOf(parts);
    response.status(state.ready ? 200 : 503).json(state);
  });
  app.get('/openapi.json', (_, response) => void response.json(description));
}

/** A peer that has not answered for longer is out of reach. */
const HEARD_LATELY_MS = 30_000;

async function readinessOf({ vault, tokenState, clock }: PublicParts): Promise<Readiness> {
  const { standing, peers, measurement } = await vault.health();
  const since = clock() - HEARD_LATELY_MS;
  const inReach = 1 + peers.filter(({ heardMs }) => heardMs !== undefined && heardMs >= since).length;
  const token = tokenState() === 'up';
  const { quorum } = vault.fleet;
  return { ready: token && standing === 'voting' && inReach >= quorum, token, standing, inReach, quorum, measurement };
}
