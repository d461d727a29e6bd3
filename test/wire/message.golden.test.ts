/** Every signed message, byte for byte, with a signature under a fixed key (RFC 6979 makes it reproducible). */
import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { Secret } from '../../src/base/secret.ts';
import { publicKeyOf, signWithUnlock } from '../../src/vault/unlock.ts';
import { encodeMessage, type MessageType, messageTypes } from '../../src/wire/message.ts';
import { Cutter, expectGolden } from './golden.ts';
import { LAYOUTS, SAMPLES } from './samples.ts';

const key = new Secret(new Uint8Array(32).fill(7));

describe('golden files', () => {
  test('there is a sample and a layout for every type, and no other', () => {
    expect(Object.keys(SAMPLES)).toEqual([...messageTypes]);
    expect(Object.keys(LAYOUTS)).toEqual([...messageTypes]);
  });

  test.each(messageTypes)('%s', (type: MessageType) => {
    const bytes = encodeMessage(type, SAMPLES[type] as never);
    const cut = new Cutter(bytes).note(`holdfast/v1/${type}`);
    cut.takeCounted('domain', 1);
    expect(cut.lines[2]).toContain(toHex(utf8(`holdfast/v1/${type}`)));
    cut
      .takeAll([
        ['suite', 'u16'],
        ['fleet', 'id'],
        ['signer', 'id'],
      ])
      .takeAll(LAYOUTS[type])
      .end();
    const signature = new Cutter(signWithUnlock(key, bytes)).note(`signature under the key with the point ${toHex(publicKeyOf(key))}`);
    signature.take('r', 32);
    signature.take('s', 32);
    expectGolden(import.meta.url, type.replace('/', '-'), [...cut.lines, ...signature.end().lines]);
  });
});
