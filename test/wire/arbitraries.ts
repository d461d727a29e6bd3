/** Any message of a type, for property tests: built from the hand-written layouts, not from the code under test. */
import fc from 'fast-check';
import { type Id, toHex } from '../../src/base/bytes.ts';
import type { Message, MessageType } from '../../src/wire/message.ts';
import { LAYOUTS, type Width } from './samples.ts';

const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const id: fc.Arbitrary<Id> = exactly(32).map((bytes) => toHex(bytes) as Id);
const OPERATIONS = ['status', 'register', 'activate', 'attempt', 'confirm', 'cancel', 'events'] as const;

const VALUES: Record<Exclude<Width, 'u16'>, fc.Arbitrary<unknown>> = {
  // The only u8 of any message is the operation.
  u8: fc.constantFrom(...OPERATIONS),
  u32: fc.oneof(fc.constantFrom(0, 1, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff })),
  u64: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  flag: fc.boolean(),
  id,
  nonce: exactly(32),
  point: exactly(33),
  bytes: fc.uint8Array({ maxLength: 512 }),
};

export function anyMessage<T extends MessageType>(type: T): fc.Arbitrary<Message<T>> {
  const fields = Object.fromEntries(LAYOUTS[type].map(([name, width]) => [name, VALUES[width as Exclude<Width, 'u16'>]]));
  return fc.record({ fleet: id, signer: id, ...fields }) as unknown as fc.Arbitrary<Message<T>>;
}
