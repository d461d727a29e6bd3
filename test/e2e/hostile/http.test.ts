/** Law 5 at the listeners: what is no request of ours, and whoever takes too much of a node. */
import { type ConnectionOptions, connect } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Id } from '../../../src/base/bytes.ts';
import { credentialsOf, newFleet } from '../../web/fleet.ts';
import { heardFrom, type Json, urlOf } from '../raw.ts';
import { alice, fleet, members, refused, stage, standingOf } from './world.ts';
import { writtenDown } from './written.ts';

stage();

describe('over HTTP', () => {
  const good = async () => ({ ...alice.raw.caller, request: await alice.raw.request() });
  const post = async (change: (body: Json) => Json | string | Uint8Array, headers: Record<string, string> = {}) =>
    alice.raw.post('/v1/status', change(await good()), headers);
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const method = async (name: string, path: string) => heardFrom(await fleet.fetch(`${urlOf(fleet)}${path}`, { method: name }));

  refused([
    ['a body over its bound', '413 too-large', () => post((body) => ({ ...body, x: 'x'.repeat(70_000) }))],
    ['a compressed body', '400 malformed', () => post((body) => gzipSync(JSON.stringify(body)), { 'content-encoding': 'gzip' })],
    ['another content type', '400 malformed', () => post((body) => body, { 'content-type': 'text/plain' })],
    ['another character set', '400 malformed', () => post((body) => body, { 'content-type': 'application/json; charset=utf-7' })],
    ['half a body', '400 malformed', () => post((body) => JSON.stringify(body).slice(0, -20))],
    ['an unknown member', '400 malformed', () => post((body) => ({ ...body, admin: true }))],
    ['__proto__ as a member', '400 malformed', () => post((body) => JSON.stringify(body).replace('{', '{"__proto__":{"admin":true},'))],
    ['a member of another type', '400 malformed', () => post((body) => ({ ...body, way: 'passcode' }))],
    ['a list for a body', '400 malformed', () => post((body) => JSON.stringify([body]))],
    ['JSON thirty thousand levels deep', '400 malformed', () => post(() => deep(30_000))],
    [
      'a member twenty thousand levels deep',
      '400 malformed',
      () => post((body) => JSON.stringify(body).replace('{', `{"x":${deep(20_000)},`)),
    ],
    ['bytes in another spelling', '400 malformed', () => post((body) => ({ ...body, clientKey: `${body['clientKey']}=` }))],
    ['headers of 20 kB', '431', () => post((body) => body, { 'x-large': 'x'.repeat(20_000) })],
    ['an unknown route', '404 not-found', () => alice.raw.post('/v1/unlock', {})],
    ['an unknown method', '404 not-found', () => method('GET', '/v1/status')],
    ['a peer’s route', '404 not-found', () => alice.raw.post('/peer/v1/ask', {})],
    ['a peer’s teaching', '404 not-found', () => alice.raw.post('/peer/v1/teach', { proof: { standing: standingOf(alice) } })],
    ['the numbers', '404 not-found', () => method('GET', '/metrics')],
  ]);
});

describe('the peer listener', () => {
  const spoken = (own: ConnectionOptions): Promise<string> =>
    new Promise((resolve) => {
      const { port } = fleet.config('node-1')['peer'] as { port: number };
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...own });
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk;
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(heard));
      socket.write(
        'POST /peer/v1/changes HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: 23\r\n\r\n{"after":0,"limit":200}',
      );
    });

  it('says nothing without a TLS certificate', async () => {
    expect(await spoken({})).toBe('');
  });
  it('says nothing to a node of another fleet', async () => {
    const stranger = newFleet().nodes[0] ?? expect.fail('no node');
    expect(await spoken((await credentialsOf(stranger)).current())).toBe('');
  });
  it('says nothing to who claims to be a node of this fleet under a key of its own', async () => {
    const stranger = newFleet().nodes[0] ?? expect.fail('no node');
    const id = members().nodes[1]?.id as Id;
    expect(await spoken((await credentialsOf({ ...stranger, id })).current())).toBe('');
  });
});

writtenDown('too-large');
