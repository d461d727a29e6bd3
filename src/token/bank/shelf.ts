/**
 * Where the objects of a counter bank are kept: one label of one session. Creating, finding and destroying them is all that
 * a bank asks of a token, besides the MAC.
 */
import { concatBytes, type Id, idToBytes, utf8 } from '../../base/bytes.ts';
import { findKey } from '../keys.ts';
import { DeviceError, type Handle, P11, type Session } from '../pkcs11.ts';
import { NODE_KEYS } from '../roles.ts';
import { KEY_BYTES } from './entry.ts';
import { type Body, decodeObject, encodeObject, type Kind, type Whole } from './objects.ts';

const LABEL = 'holdfast-counters';
const SLOT = utf8('holdfast/v1/token/slot');

export interface Found {
  readonly handle: Handle;
  /** Absent: torn by a crash, or not ours. */
  readonly whole: Whole | undefined;
}

/** What a bank asks of a token. */
export interface Shelf {
  /** HMAC-SHA256 under the tag secret, 32 bytes. */
  mac(message: Uint8Array): Uint8Array;
  findAll(kind?: Kind): Found[];
  create<K extends Kind>(bank: Uint8Array, kind: K, body: Body<K>): { handle: Handle; seal: Uint8Array };
  destroy(handle: Handle): void;
  exists(handle: Handle): boolean;
}

/** The key of a slot in a bank: 16 bytes, see src/token/bank/entry.ts. */
export function slotKey(shelf: Shelf, bank: Uint8Array, slot: Id): Uint8Array {
  return shelf.mac(concatBytes(SLOT, bank, idToBytes(slot))).subarray(0, KEY_BYTES);
}

export class TokenShelf implements Shelf {
  readonly #session: Session;
  readonly #tags: Handle;

  constructor(session: Session) {
    this.#session = session;
    this.#tags = findKey(session, NODE_KEYS.tags);
  }

  mac(message: Uint8Array): Uint8Array {
    return this.#session.sign({ mechanism: P11.CKM_SHA256_HMAC }, this.#tags, message, 32);
  }

  /** Every object of the bank, or those that were made as this kind, and what is left of half-made ones. */
  findAll(kind?: Kind): Found[] {
    const made = { [P11.CKA_CLASS]: P11.CKO_DATA, [P11.CKA_LABEL]: LABEL };
    const ours = this.#session.find(kind === undefined ? made : { ...made, [P11.CKA_APPLICATION]: applicationOf(kind) });
    const half = kind === undefined ? this.#session.find({ [P11.CKA_CLASS]: P11.CKO_DATA, [P11.CKA_LABEL]: '' }) : [];
    return [
      ...ours.map((handle) => ({ handle, whole: this.#decode(handle) })),
      // A process killed while SoftHSM makes an object leaves one that has a class and nothing else.
      ...half.filter((handle) => this.#value(handle).length === 0).map((handle) => ({ handle, whole: undefined })),
    ];
  }

  create<K extends Kind>(bank: Uint8Array, kind: K, body: Body<K>): { handle: Handle; seal: Uint8Array } {
    const { value, seal } = encodeObject((message) => this.mac(message), bank, kind, body);
    const handle = this.#session.create({
      [P11.CKA_CLASS]: P11.CKO_DATA,
      [P11.CKA_TOKEN]: true,
      [P11.CKA_PRIVATE]: true,
      [P11.CKA_LABEL]: LABEL,
      [P11.CKA_APPLICATION]: applicationOf(kind),
      [P11.CKA_VALUE]: value,
    });
    return { handle, seal };
  }

  destroy(handle: Handle): void {
    this.#session.destroy(handle);
  }

  exists(handle: Handle): boolean {
    try {
      return this.#session.read(handle, P11.CKA_VALUE).length > 0;
    } catch (error) {
      if (error instanceof DeviceError && error.returned === P11.CKR_OBJECT_HANDLE_INVALID) return false;
      throw error;
    }
  }

  #decode(handle: Handle): Whole | undefined {
    return decodeObject((message) => this.mac(message), this.#value(handle));
  }

  #value(handle: Handle): Uint8Array {
    try {
      return this.#session.read(handle, P11.CKA_VALUE);
    } catch (error) {
      // A torn file answers so for one attribute while the token is well; a token that is not fails the next call too.
      const torn = [P11.CKR_OBJECT_HANDLE_INVALID, P11.CKR_ATTRIBUTE_TYPE_INVALID, P11.CKR_ATTRIBUTE_VALUE_INVALID, P11.CKR_GENERAL_ERROR];
      if (error instanceof DeviceError && torn.includes(error.returned)) return new Uint8Array();
      throw error;
    }
  }
}

const applicationOf = (kind: Kind): string => `holdfast ${kind}`;
