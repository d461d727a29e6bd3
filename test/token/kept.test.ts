/** What a signing token keeps, on SoftHSM: one value per name, over restarts, and past what a crash left. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { type KeySpec, openCreation, openSigners, type Signers } from '../../src/token/index.ts';
import { Module, P11, type Session } from '../../src/token/pkcs11.ts';
import { makeSoftHsm } from './softhsm.ts';

const hsm = makeSoftHsm(['signer']);
const spec: KeySpec = { label: 'holdfast-witness', kind: 'ed25519' };
let signers: Signers;
/** Beside it, as a crash would leave things. */
let session: Session;

beforeAll(async () => {
  const creation = openCreation(hsm.config('signer'));
  creation.createKey(spec);
  creation.close();
  signers = await openSigners(hsm.config('signer'), [spec]);
  const module = new Module(hsm.config('signer').module);
  session = module.openSession(module.findToken('signer'), hsm.config('signer').pin);
});
afterAll(async () => {
  session?.close();
  await signers?.close();
  hsm.remove();
});

const data = { [P11.CKA_CLASS]: P11.CKO_DATA, [P11.CKA_TOKEN]: true, [P11.CKA_PRIVATE]: true };
const objects = () => session.find({ [P11.CKA_CLASS]: P11.CKO_DATA }).length;

it('keeps the last value of each name, and no other', async () => {
  expect(await signers.kept('one')).toEqual([]);
  await signers.keep('one', utf8('a'));
  await signers.keep('two', utf8('b'));
  await signers.keep('one', utf8('c'));
  expect([await signers.kept('one'), await signers.kept('two'), objects()]).toEqual([[utf8('c')], [utf8('b')], 2]);
});

it('gives both after a crash between making one and destroying the other, and clears what was left half made', async () => {
  session.create({ ...data, [P11.CKA_LABEL]: 'holdfast-kept', [P11.CKA_APPLICATION]: 'one', [P11.CKA_VALUE]: utf8('d') });
  session.create({ ...data, [P11.CKA_LABEL]: '' });
  expect((await signers.kept('one')).map((value) => Buffer.from(value).toString()).sort()).toEqual(['c', 'd']);
  await signers.keep('one', utf8('e'));
  expect([await signers.kept('one'), objects()]).toEqual([[utf8('e')], 2]);
});

it('has it after a restart', async () => {
  await signers.close();
  signers = await openSigners(hsm.config('signer'), [spec]);
  expect(await signers.kept('one')).toEqual([utf8('e')]);
});
