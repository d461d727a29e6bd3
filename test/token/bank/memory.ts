/** A shelf in memory that may be cut off before any write, leaving nothing, a torn object or the whole one. */
import { createHmac } from 'node:crypto';
import { type Body, decodeObject, encodeObject, type Kind } from '../../../src/token/bank/objects.ts';
import type { Found, Shelf } from '../../../src/token/bank/shelf.ts';
import type { Handle } from '../../../src/token/pkcs11.ts';

export class Cut extends Error {}

export class MemoryShelf implements Shelf {
  readonly objects = new Map<string, { kind: Kind; value: Uint8Array }>();
  /** Writes until the power goes. */
  fuse = Number.POSITIVE_INFINITY;
  /** How much of an object is there when the power goes while it is made: 0..1. */
  torn = 0;
  #next = 0;

  mac(message: Uint8Array): Uint8Array {
    return new Uint8Array(createHmac('sha256', 'tag secret').update(message).digest());
  }

  findAll(kind?: Kind): Found[] {
    return [...this.objects]
      .filter(([, object]) => kind === undefined || object.kind === kind)
      .map(([name, { value }]) => ({ handle: Buffer.from(name), whole: decodeObject((message) => this.mac(message), value) }));
  }

  create<K extends Kind>(bank: Uint8Array, kind: K, body: Body<K>): { handle: Handle; seal: Uint8Array } {
    const { value, seal } = encodeObject((message) => this.mac(message), bank, kind, body);
    const name = `${this.#next++}`;
    if (this.#cut()) {
      if (this.torn > 0) this.objects.set(name, { kind, value: value.slice(0, Math.round(this.torn * value.length)) });
      throw new Cut();
    }
    this.objects.set(name, { kind, value });
    return { handle: Buffer.from(name), seal };
  }

  destroy(handle: Handle): void {
    if (this.#cut()) throw new Cut();
    this.objects.delete(handle.toString());
  }

  exists(handle: Handle): boolean {
    return this.objects.has(handle.toString());
  }

  copy(): MemoryShelf {
    const copy = new MemoryShelf();
    for (const [name, object] of this.objects) copy.objects.set(name, object);
    copy.#next = this.#next;
    return copy;
  }

  #cut(): boolean {
    this.fuse -= 1;
    return this.fuse < 0;
  }
}
