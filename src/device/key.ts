/** The backup key itself, for other tools. Only for the person who asks for it in so many words. */
import { identityOf } from '../backup/key.ts';
import type { Secret } from '../base/secret.ts';
import type { DeviceHome } from './home.ts';
import { spellKey64 } from './key64.ts';
import { type Bring, recoverKey } from './recovery.ts';
import type { Say } from './say.ts';
import { visit } from './visit.ts';

export interface ShownKey {
  /** "AGE-SECRET-KEY-1...", what `age -i` takes. */
  readonly identity: Secret<string>;
  /** The same key as 64 digits. */
  readonly digits: Secret<string>;
  readonly recipient: string;
}

/** @throws what recovering throws */
export function showKey(home: DeviceHome, bring: Bring, say: Say): Promise<ShownKey> {
  return visit(home, say, async ({ client }) => {
    const { key, recipient } = await recoverKey(client, bring, say);
    return { identity: identityOf(key), digits: spellKey64(key), recipient };
  });
}
