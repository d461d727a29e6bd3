/**
 * What a token that signs must not forget, in the token itself: short values under a name, each a private data object. For a
 * witness, which must notice when its folder is put back (src/witness/memory.ts). A new value is made before older ones are
 * destroyed: killed in between, both are there, and the caller takes the later by what is in them. What a crash left half made
 * is passed over and cleared away.
 *
 * Tokens of class `host` keep objects as files: who puts back those too is not noticed here. Whoever has the PIN can change a
 * value, and sign whatever he likes without.
 */
import { type Handle, P11, type Session } from './pkcs11.ts';

const LABEL = 'holdfast-kept';

const named = (name: string) => ({ [P11.CKA_CLASS]: P11.CKO_DATA, [P11.CKA_LABEL]: LABEL, [P11.CKA_APPLICATION]: name });

/** Every whole value of this name: one, or after a crash two. */
export function kept(session: Session, name: string): Uint8Array[] {
  return session
    .find(named(name))
    .map((handle) => session.read(handle, P11.CKA_VALUE))
    .filter(({ length }) => length > 0);
}

/** Returns once the token has the value, and no other of this name. */
export function keep(session: Session, name: string, value: Uint8Array): void {
  const before = [...session.find(named(name)), ...halfMade(session)];
  session.create({ ...named(name), [P11.CKA_TOKEN]: true, [P11.CKA_PRIVATE]: true, [P11.CKA_VALUE]: value });
  for (const handle of before) session.destroy(handle);
}

/** A process killed while SoftHSM makes an object leaves one that has a class and nothing else. */
function halfMade(session: Session): Handle[] {
  const nameless = session.find({ [P11.CKA_CLASS]: P11.CKO_DATA, [P11.CKA_LABEL]: '' });
  return nameless.filter((handle) => session.read(handle, P11.CKA_VALUE).length === 0);
}
