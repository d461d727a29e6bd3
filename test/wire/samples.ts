/**
 * One sample of every signed message, and how its bytes are laid out, written down a second time and by hand: what the code
 * writes is cut along these widths, so that a field that moves, grows or vanishes shows up in the golden files as a field.
 * Ids are the SHA-256 of the field's name; points and nonces repeat one byte.
 */
import { type Id, utf8 } from '../../src/base/bytes.ts';
import type { Message, MessageType } from '../../src/wire/message.ts';
import { hash } from '../../src/wire/signed.ts';

const idNamed = (name: string): Id => hash(utf8(name));

/** Bytes of each kind of field; `bytes` has a two-byte length in front. */
export type Width = 'u8' | 'u16' | 'u32' | 'u64' | 'flag' | 'id' | 'nonce' | 'point' | 'bytes';
export const WIDTHS: Record<Exclude<Width, 'bytes'>, number> = { u8: 1, u16: 2, u32: 4, u64: 8, flag: 1, id: 32, nonce: 32, point: 33 };

export type Layout = readonly (readonly [name: string, width: Width])[];

const slotHead: Layout = [
  ['slot', 'id'],
  ['generation', 'u32'],
  ['digest', 'id'],
];

export const LAYOUTS: Record<MessageType, Layout> = {
  'node/register-vote': [...slotHead, ['sequence', 'u64']],
  'node/attempt-vote': [...slotHead, ['attempt', 'u32'], ['element', 'id'], ['sequence', 'u64']],
  'node/answer': [...slotHead, ['attempt', 'u32'], ['element', 'id'], ['nonce', 'nonce'], ['evaluated', 'bytes'], ['sequence', 'u64']],
  'node/refusal': [...slotHead, ['attempt', 'u32'], ['element', 'id'], ['nonce', 'nonce'], ['tried', 'u32'], ['cleared', 'u32']],
  'node/wait': [...slotHead, ['attempt', 'u32'], ['nonce', 'nonce'], ['waitMs', 'u32']],
  'node/status': [
    ...slotHead,
    ['nonce', 'nonce'],
    ['voted', 'u32'],
    ['tried', 'u32'],
    ['cleared', 'u32'],
    ['locked', 'flag'],
    ['standing', 'flag'],
    ['sequence', 'u64'],
  ],
  'node/activation-ack': [
    ...slotHead,
    ['opened', 'flag'],
    ['oldGeneration', 'u32'],
    ['oldTried', 'u32'],
    ['oldCleared', 'u32'],
    ['sequence', 'u64'],
  ],
  'node/confirmation-ack': [...slotHead, ['attempt', 'u32'], ['sequence', 'u64']],
  'node/lock-statement': [...slotHead, ['cleared', 'u32'], ['tried', 'u32'], ['sequence', 'u64']],
  'node/hello': [
    ['nonce', 'nonce'],
    ['found', 'u64'],
    ['started', 'u64'],
    ['measurement', 'id'],
  ],
  'node/hello-answer': [
    ['subject', 'id'],
    ['nonce', 'nonce'],
    ['vouches', 'flag'],
    ['sequence', 'u64'],
  ],
  'node/events': [
    ['account', 'id'],
    ['nonce', 'nonce'],
    ['events', 'id'],
  ],
  'node/fleet-entry': [['entry', 'id']],
  'node/live': [
    ['nonce', 'nonce'],
    ['measurement', 'id'],
    ['entry', 'id'],
    ['sequence', 'u64'],
  ],
  'unlock/activate': slotHead,
  'unlock/confirm': [...slotHead, ['attempt', 'u32']],
  'owner/approve': slotHead,
  'unlock/cancel': [...slotHead, ['bySlot', 'id']],
  'client/request': [['operation', 'u8'], ...slotHead, ['attempt', 'u32'], ['body', 'id'], ['nonce', 'nonce'], ['expiry', 'u64']],
};

const head = { fleet: idNamed('fleet'), signer: idNamed('signer') };
const slot = { ...head, slot: idNamed('slot'), generation: 3, digest: idNamed('digest') };
const nonce = new Uint8Array(32).fill(0xa5);
const element = idNamed('element');
/** Epoch 2, fifth commit. */
const sequence = 0x2_0000_0005n;

export const SAMPLES: { readonly [T in MessageType]: Message<T> } = {
  'node/register-vote': { ...slot, sequence },
  'node/attempt-vote': { ...slot, attempt: 7, element, sequence },
  'node/answer': { ...slot, attempt: 7, element, nonce, evaluated: new Uint8Array(33).fill(0x02), sequence },
  'node/refusal': { ...slot, attempt: 7, element, nonce, tried: 8, cleared: 1 },
  'node/wait': { ...slot, attempt: 7, nonce, waitMs: 300_000 },
  'node/status': { ...slot, nonce, voted: 4, tried: 7, cleared: 6, locked: false, standing: true, sequence },
  'node/activation-ack': { ...slot, opened: true, oldGeneration: 2, oldTried: 9, oldCleared: 1, sequence },
  'node/confirmation-ack': { ...slot, attempt: 7, sequence },
  'node/lock-statement': { ...slot, cleared: 6, tried: 16, sequence },
  'node/hello': { ...head, nonce, found: sequence, started: 0x3_0000_0000n, measurement: idNamed('measurement') },
  'node/hello-answer': {
    ...head,
    subject: idNamed('subject'),
    nonce,
    vouches: true,
    sequence,
  },
  'node/events': { ...head, account: idNamed('account'), nonce, events: idNamed('events') },
  'node/fleet-entry': { ...head, entry: idNamed('entry') },
  'node/live': { ...head, nonce, measurement: idNamed('measurement'), entry: idNamed('entry'), sequence },
  'unlock/activate': slot,
  'unlock/confirm': { ...slot, attempt: 7 },
  'owner/approve': slot,
  'unlock/cancel': { ...slot, bySlot: idNamed('bySlot') },
  'client/request': { ...slot, operation: 'attempt', attempt: 7, body: idNamed('body'), nonce, expiry: 1_800_000_000n },
};
