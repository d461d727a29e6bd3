/** A call goes through one node after the other: what one of them claims, nobody has signed. */
import { expect, test } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { FleetHttp } from '../../src/client/fleet-http.ts';
import { PASSCODE } from '../../src/vault/slot.ts';

const statement = { bytes: Uint8Array.of(1), signature: new Uint8Array(64) };
const credentials = { pass: new Secret('pass'), clientKey: Uint8Array.of(2, ...new Uint8Array(32)), way: PASSCODE };
const refusal = (code: string) => Response.json({ error: { code, message: 'no', evidence: {}, next: 'nothing' } }, { status: 400 });
const answer = () => Response.json({ said: [], refused: [] });

function through(nodes: Readonly<Record<string, () => Response>>): Promise<unknown> {
  const urls = Object.keys(nodes);
  const fetch = async (url: string) => nodes[new URL(url).origin]!();
  return new FleetHttp({ urls, fetch, callLimitMs: 1000 }).call('status', credentials, { request: statement });
}

test('one node that refuses every pass keeps nobody from the others', async () => {
  for (const code of ['pass-refused', 'malformed', 'request-expired']) {
    expect(await through({ 'https://a': () => refusal(code), 'https://b': answer })).toEqual({ said: [], refused: [] });
  }
});

test('what concerns the request itself is said when no node takes it', async () => {
  const nodes = {
    'https://a': () => refusal('overloaded'),
    'https://b': () => refusal('pass-refused'),
    'https://c': () => refusal('malformed'),
  };
  await expect(through(nodes)).rejects.toMatchObject({ code: 'pass-refused' });
  await expect(through({ 'https://a': () => refusal('overloaded') })).rejects.toMatchObject({ code: 'no-quorum' });
});
