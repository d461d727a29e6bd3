/** What a page does with the client SDK, bundled with it for browser.test.ts: a login, and one deposit or one guess. */
import * as sdk from '../../src/client/index.ts';

export interface Order {
  readonly accounts: string;
  readonly tenant: string;
  /** The fleet entry's. */
  readonly line: string;
  readonly user: string;
  readonly passcode: string;
  /** To deposit, hex; else it is recovered. */
  readonly key?: string;
}

/** Each time another device: a client key of its own, and no memory. */
async function act({ accounts, tenant, line, user, passcode, key }: Order) {
  const clientKey = await sdk.generateClientKey();
  const response = await fetch(`${accounts}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user, clientKey: sdk.clientKeyJwk(clientKey.publicKey) }),
  });
  const { pass } = (await response.json()) as { pass: string };
  const client = new sdk.VaultClient({
    entry: sdk.parseEntry(line),
    allowSimulated: true,
    tenant,
    pass: new sdk.Secret(pass),
    clientKey,
    memos: sdk.memoryMemos(),
  });
  const input = sdk.normalisePasscode(passcode);
  if (key !== undefined) {
    const secret = Uint8Array.from(key.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
    const done = await client.deposit(sdk.PASSCODE, new sdk.Secret(secret), input, { kdf: sdk.KDF_MIN });
    return { kind: done.kind };
  }
  const got = await client.recover(sdk.PASSCODE, input);
  if (got.kind === 'opened') {
    return { kind: got.kind, key: Array.from(got.opened.secret, (byte) => byte.toString(16).padStart(2, '0')).join('') };
  }
  return { kind: got.kind, ...(got.kind === 'wrong' && { guessesLeft: got.guessesLeft }) };
}

declare global {
  /** The page's own, for the test that drives it. */
  var actInPage: typeof act;
}
globalThis.actInPage = act;
