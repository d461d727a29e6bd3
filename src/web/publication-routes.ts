/**
 * The routes by which a fleet's keys come over the air: the bundle read and replaced, a candidate signed, and the node's word
 * over a fresh nonce. No login: what is taken proves itself, and what is said is public. Each costs signatures or their
 * verification, so they have a limit of their own besides that of all routes.
 */
import express, { type Express, type RequestHandler } from 'express';
import { decodeJson, encodeJson } from '../api/json.ts';
import { BUNDLE_BYTES_MAX, BUNDLE_HEADER, bundleReceipt, CANDIDATE_BYTES_MAX, candidate, nodeStatement } from '../api/publication.ts';
import { type Id, idToBytes, isId } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { isJson, jsonBody } from './answer.ts';
import type { PublicationPort } from './ports.ts';

/** Requests of one address in a minute; an operator needs a handful, whoever verifies one. */
export const COSTLY_PER_MINUTE = 60;

/** As text: the digest of a bundle is that of its bytes. */
const bundleText: RequestHandler = express.text({ limit: BUNDLE_BYTES_MAX, inflate: false, type: isJson, defaultCharset: 'utf-8' });

export function addPublicationRoutes(app: Express, self: Id, publication: PublicationPort, costly: RequestHandler): void {
  app.get('/v1/bundle', (_, response) => {
    const { text } = publication.served ?? fail('not-found', 'this node serves no bundle');
    response.type('application/json').send(text);
  });
  app.post('/v1/bundle', costly, bundleText, async ({ body }, response) => {
    if (typeof body !== 'string') return fail('malformed', 'expected a bundle as application/json');
    const taken = await publication.offer(body);
    const digest = publication.served?.digest ?? fail('alarm', 'a bundle was taken and is not served');
    response.json(encodeJson(bundleReceipt, { taken, digest }));
  });
  app.post('/v1/entry', costly, jsonBody(CANDIDATE_BYTES_MAX), async ({ body }, response) => {
    const signed = await publication.signEntry(decodeJson(candidate, body, 'the body'));
    response.json(encodeJson(nodeStatement, { node: self, signed }));
  });
  app.get('/v1/live', costly, async ({ url }, response) => {
    const signed = await publication.live(idToBytes(nonceOf(url)));
    response.json(encodeJson(nodeStatement, { node: self, signed }));
  });
}

/** @throws `malformed` */
function nonceOf(url: string): Id {
  const [, nonce = ''] = /\?nonce=([^&]*)$/.exec(url) ?? [];
  return isId(nonce) ? nonce : fail('malformed', 'expected ?nonce= and 64 lower-case hex digits');
}

/**
 * What goes into the envelope: the bundle that is served, for a client that said which one it has and has another.
 * @throws `malformed`
 */
export function bundleFor(have: string | undefined, { served }: Pick<PublicationPort, 'served'>): { readonly bundle?: string } {
  if (have === undefined) return {};
  if (!isId(have)) return fail('malformed', `expected in ${BUNDLE_HEADER} the SHA-256 of a bundle in hex, zeros for none`);
  return served === undefined || served.digest === have ? {} : { bundle: served.text };
}
