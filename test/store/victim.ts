/** A process that saves without end and says what was acknowledged, to be killed by kill.test.ts. */

import type { Id } from '../../src/base/bytes.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { PASSCODE, slotId } from '../../src/vault/slot.ts';

const [directory = '', from = '0'] = process.argv.slice(2);
const store = await openStore(directory, () => process.exit(3));
const accounts = Array.from({ length: 8 }, (_, i) => `${i}`.repeat(64) as Id);

async function saveOn(account: Id): Promise<never> {
  const place = { tenant: 'tenant', account, way: PASSCODE };
  const slot = slotId(place);
  for (let n = Number(from); ; n += 1) {
    const event = { account, slot, kind: 'guess', generation: 1, digest: slot, attempt: n, time: n } as const;
    await store.save(slot, { place, lockSince: n }, { event });
    await store.saw([{ node: account, sequence: BigInt(n), by: { bytes: new Uint8Array(1), signature: new Uint8Array(64) } }]);
    process.stdout.write(`${account[0]} ${n}\n`);
  }
}

await Promise.all(accounts.map(saveOn));
