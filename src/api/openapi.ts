/**
 * The public interface as OpenAPI 3.1, made from the schemas that parse it. A node serves it at /openapi.json, and
 * docs/openapi.json is compared with it by a test.
 */
import { z } from 'zod';
import { codes } from '../base/errors.ts';
import { envelope, errorBody, health, publicOperations, readiness, requests } from './bodies.ts';
import { BUNDLE_HEADER, bundleReceipt, candidate, nodeStatement } from './publication.ts';
import { id } from './values.ts';

const SUMMARIES: Readonly<Record<(typeof publicOperations)[number], string>> = {
  status: "Every reachable node's counters of one way in, signed over the request's nonce; and the registration in force.",
  register: 'Votes of the nodes for a registration, each after its share opened in its token.',
  activate: 'Puts a registration that a quorum voted for in force.',
  attempt: 'One guess: counted by a quorum, then answered.',
  confirm: 'Tells the nodes that a guess was right: the guesses are refilled.',
  cancel: 'Objects to an announced registration with the unlock key of any way in of the account.',
  events: "The account's latest events as each node recorded them.",
  wait: "How long until each node counts the next guess, signed over the request's nonce.",
};

const BUNDLE_HEADER_SAYS = 'SHA-256 of the bundle that the client has, zeros for none: if the node serves another, it is in the envelope.';

function schema(of: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(of, { io: 'input', unrepresentable: 'any' });
  return rest;
}

const content = (of: z.ZodType) => ({ 'application/json': { schema: schema(of) } });
const answers = (description: string, of: z.ZodType) => ({
  200: { description, content: content(of) },
  default: { $ref: '#/components/responses/error' },
});

function operationPaths(): object {
  const paths = publicOperations.map((operation) => [
    `/v1/${operation}`,
    {
      post: {
        operationId: operation,
        summary: SUMMARIES[operation],
        security: [{ pass: [] }],
        parameters: [{ name: BUNDLE_HEADER, in: 'header', description: BUNDLE_HEADER_SAYS, schema: schema(id) }],
        requestBody: { required: true, content: content(requests[operation]) },
        responses: { 200: { $ref: '#/components/responses/envelope' }, default: { $ref: '#/components/responses/error' } },
      },
    },
  ]);
  return Object.fromEntries(paths);
}

/** Any bundle is this JSON; what it says is read by src/trust. */
const bundle = z.looseObject({ type: z.literal('holdfast/bundle/v1') });

function publicationPaths(): object {
  return {
    '/v1/bundle': {
      get: {
        operationId: 'bundle',
        summary: "The fleets' keys with their proofs (docs/transparency.md): one line of JSON. Believe only what verifies.",
        responses: answers('The bundle.', bundle),
      },
      post: {
        operationId: 'offerBundle',
        summary: 'A newer bundle for this node to serve. It proves itself; an older one is refused.',
        requestBody: { required: true, content: content(bundle) },
        responses: answers('What is served now.', bundleReceipt),
      },
    },
    '/v1/entry': {
      post: {
        operationId: 'signEntry',
        summary: 'A fleet entry signed by the release keys, for the signature of this node if it tells the truth about it.',
        requestBody: { required: true, content: content(candidate) },
        responses: answers('The statement node/fleet-entry.', nodeStatement),
      },
    },
    '/v1/live': {
      get: {
        operationId: 'live',
        summary: 'What this node runs and serves, signed by its token over a fresh nonce.',
        parameters: [{ name: 'nonce', in: 'query', required: true, schema: schema(id) }],
        responses: answers('The statement node/live.', nodeStatement),
      },
    },
  };
}

export function openApi(): object {
  const table = Object.entries(codes).map(([code, { http, next }]) => `- \`${code}\` (${http}): ${next}`);
  return {
    openapi: '3.1.0',
    info: { title: 'Holdfast vault node', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths: {
      ...operationPaths(),
      '/v1/fleet': {
        get: {
          operationId: 'fleet',
          summary: 'The fleet entry that this node runs by: one line of JSON. Believe only what verifies.',
          responses: answers('The line as signed.', z.looseObject({ type: z.literal('holdfast/fleet-bundle/v1') })),
        },
      },
      ...publicationPaths(),
      '/health': {
        get: {
          operationId: 'health',
          summary: 'Whether this process can go on.',
          responses: { ...answers('It can.', health), 503: { description: 'It must be replaced.', content: content(health) } },
        },
      },
      '/ready': {
        get: {
          operationId: 'ready',
          summary: 'Whether this node votes and reaches a quorum.',
          responses: { ...answers('It does.', readiness), 503: { description: 'It does not.', content: content(readiness) } },
        },
      },
      '/openapi.json': {
        get: { operationId: 'openapi', summary: 'This document.', responses: answers('This document.', z.looseObject({})) },
      },
    },
    components: {
      securitySchemes: {
        pass: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: "The account service's pass; it names the client key by its thumbprint (cnf.jkt).",
        },
      },
      responses: {
        envelope: {
          description: 'What the nodes said. Fewer than a quorum is an answer too: the client counts.',
          content: content(envelope),
        },
        error: { description: `Refused. Codes and what to do next:\n${table.join('\n')}`, content: content(errorBody) },
      },
    },
  };
}
