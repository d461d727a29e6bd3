/**
 * The development account service: it gives a pass to whoever asks for one, under any name. A real deployment has its own
 * login here; the nodes only need its public keys. For development and tests, and it refuses to run where that is in doubt.
 *
 *   POST /login {"user", "clientKey": public JWK}    -> {"pass": JWT}
 *   GET  /.well-known/jwks.json                       the public key
 *
 * A pass (RFC 7519) is signed with ES256, lives 15 minutes, and names the client key by its thumbprint (`cnf.jkt`, RFC 9449,
 * section 6.1).
 */
import { mkdir, open, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { z } from 'zod';
import { codes, fail, HoldfastError } from '../base/errors.ts';

export interface AccountsConfig {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly issuer: string;
  readonly audience: string;
  /** Where the signing key is kept, and made at the first start. */
  readonly dataDir: string;
  /** Web origins whose pages may log in; others may not read a pass. */
  readonly origins: readonly string[];
}

export interface RunningAccounts {
  readonly url: string;
  close(): Promise<void>;
}

const PASS_LIFETIME = '15 minutes';
const BODY_BYTES_MAX = 4096;
const KEY_FILE = 'signing-key.json';

const login = z.strictObject({
  user: z.string().min(1).max(64),
  clientKey: z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string().length(43), y: z.string().length(43) }),
});

/** The public keys that nodes check passes with, as a JWK set. Makes the signing key if there is none. */
export async function publicKeys(dataDir: string): Promise<{ keys: JWK[] }> {
  const { kty, crv, x, y, kid, alg } = await signingKey(dataDir);
  return { keys: [{ kty, crv, x, y, kid, alg, use: 'sig' } as JWK] };
}

/** @throws `configuration` in production */
export async function startAccounts(config: AccountsConfig): Promise<RunningAccounts> {
  if (process.env['NODE_ENV'] === 'production') {
    fail('configuration', 'the development account service gives passes to anyone, and does not run with NODE_ENV=production');
  }
  const key = await signingKey(config.dataDir);
  const server = createServer((request, response) => {
    allowOrigin(request, response, config.origins);
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    answer(request, config, key).then(
      (body) => send(response, 200, body),
      (error: unknown) => sendError(response, error),
    );
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((done, failed) => server.once('error', failed).listen(config.port, config.host, done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${config.host}:${port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, config: AccountsConfig, key: JWK): Promise<unknown> {
  if (request.method === 'GET' && request.url === '/.well-known/jwks.json') return publicKeys(config.dataDir);
  if (request.method === 'GET' && request.url === '/health') return { alive: true };
  if (request.method !== 'POST' || request.url !== '/login') return fail('not-found', 'only POST /login and GET /.well-known/jwks.json');
  const asked = login.safeParse(parseJson(await readBody(request)));
  if (!asked.success) return fail('malformed', z.prettifyError(asked.error));
  const { user, clientKey } = asked.data;
  const pass = await new SignJWT({ cnf: { jkt: await calculateJwkThumbprint(clientKey) } })
    .setProtectedHeader({ alg: 'ES256', kid: key.kid ?? '', typ: 'JWT' })
    .setIssuer(config.issuer)
    .setAudience(config.audience)
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime(PASS_LIFETIME)
    .sign(await importJWK(key, 'ES256'));
  return { pass };
}

/** The Fetch standard's CORS protocol: a browser asks before it sends a page's login, and hands the page no answer without this. */
function allowOrigin({ headers: { origin } }: IncomingMessage, response: ServerResponse, origins: readonly string[]): void {
  response.setHeader('vary', 'origin');
  if (origin === undefined || !origins.includes(origin)) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-methods', 'GET, POST');
  response.setHeader('access-control-allow-headers', 'content-type');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) fail('too-large', `a login has at most ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail('malformed', 'the body is not JSON');
  }
}

async function signingKey(dataDir: string): Promise<JWK> {
  const file = join(dataDir, KEY_FILE);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return JSON.parse(text) as JWK;
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const key = { ...jwk, alg: 'ES256', kid: await calculateJwkThumbprint(jwk) };
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(JSON.stringify(key));
  } finally {
    await handle.close();
  }
  return key;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

function sendError(response: ServerResponse, error: unknown): void {
  if (error instanceof HoldfastError) send(response, codes[error.code].http, { error: { code: error.code, message: error.message } });
  else send(response, 500, { error: { code: 'alarm', message: 'the account service failed' } });
}
