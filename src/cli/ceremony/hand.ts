/** A person's signing key: a PEM file, or a key in a token that a small JSON file describes. Passphrase and PIN are asked without echo. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { toBase64url } from '../../base/bytes.ts';
import { fail } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { type Hand, handFromPem, lowered } from '../../ceremony/signature.ts';
import { openSigner } from '../../token/index.ts';
import type { Asker } from './asker.ts';

const tokenFile = z.strictObject({
  module: z.string(),
  /** Of the token. */
  label: z.string(),
  /** Of the key in it. */
  key: z.string(),
  kind: z.enum(['p256-sign', 'ed25519']),
});

/** @throws `configuration` */
export async function openHand(file: string, asker: Asker): Promise<Hand> {
  const text = read(file);
  if (text.trimStart().startsWith('{')) return handInToken(text, file, asker);
  const passphrase = text.includes('ENCRYPTED') ? await asker.ask(`Passphrase of ${file}: `, true) : undefined;
  return handFromPem(text, passphrase);
}

async function handInToken(text: string, file: string, asker: Asker): Promise<Hand> {
  const described = tokenFile.safeParse(JSON.parse(text));
  if (!described.success) return fail('configuration', `${file}: ${described.error.issues[0]?.message}`, { file });
  const { module, label, key, kind } = described.data;
  const pin = new Secret(await asker.ask(`PIN of the token ${label}: `, true));
  const signer = await openSigner({ module, label, pin }, { label: key, kind });
  const publicKey = toBase64url(signer.publicKey);
  await signer.close();
  return {
    key: publicKey,
    sign: async (bytes) => {
      const opened = await openSigner({ module, label, pin }, { label: key, kind });
      try {
        const signature = await opened.sign(bytes);
        return kind === 'p256-sign' ? lowered(signature) : signature;
      } finally {
        await opened.close();
      }
    },
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return fail('configuration', 'the signing key cannot be read', { file }, error);
  }
}
