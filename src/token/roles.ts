/**
 * The keys of a token, one purpose each, told apart by label. A node has the four below; release, operator, witness and
 * log keep one signing key each in their own tokens, under labels of their own.
 */
export type NodeRole = 'identity' | 'sealing' | 'tls' | 'tags';

/** `p256-sign`: ECDSA. `p256-derive`: ECDH. `ed25519`: EdDSA, what C2SP cosignatures want. `mac`: HMAC-SHA256, 32 bytes. */
export type KeyKind = 'p256-sign' | 'p256-derive' | 'ed25519' | 'mac';

export interface KeySpec {
  /** CKA_LABEL, on both halves of a pair. */
  readonly label: string;
  readonly kind: KeyKind;
}

export const NODE_KEYS: Readonly<Record<NodeRole, KeySpec>> = {
  identity: { label: 'holdfast-identity', kind: 'p256-sign' },
  sealing: { label: 'holdfast-sealing', kind: 'p256-derive' },
  tls: { label: 'holdfast-tls', kind: 'p256-sign' },
  tags: { label: 'holdfast-tags', kind: 'mac' },
};

/** Signs releases (src/release/note.ts), in a token of its own: of all keys the one that a launcher is given. */
export const CODE_KEY: KeySpec = { label: 'holdfast-code', kind: 'ed25519' };
