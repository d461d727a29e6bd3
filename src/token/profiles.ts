/**
 * How devices differ, in one table. A profile says what a probe cannot find out (where objects really live, whether it is
 * a simulation) and what to try first; what can be probed (src/token/probe.ts) is decided by the probe, never by a name.
 *
 * `tried: false` means: written from the vendor's manual, never run on the device. Such a profile is a starting point
 * for whoever has the device; the probe still refuses what does not work.
 */
import type { TokenInfo } from './pkcs11.ts';
import { P11 } from './pkcs11.ts';

export interface Profile {
  readonly name: string;
  readonly tried: boolean;
  /** Recognises the device by CK_TOKEN_INFO. */
  readonly matches: (info: Pick<TokenInfo, 'manufacturerID' | 'model'>) => boolean;
  /**
   * Where token objects really live. `host`: as files on the host, where a rollback of the disk is a rollback of the
   * counters, so the node may vote again after a start only when the others know no higher commit sequence of it.
   */
  readonly class: 'device' | 'host';
  /** Protects nothing: clients refuse it unless told otherwise. */
  readonly simulated: boolean;
  /** AES-KWP mechanisms, in the order to try. */
  readonly wrapping: readonly number[];
  /** The form of ECDH public data, in the order to try: bare SEC 1 bytes, or those in a DER OCTET STRING. */
  readonly points: readonly ('raw' | 'der')[];
  /** Largest CKA_VALUE of a data object, in bytes: bounds a page of counters. */
  readonly pageBytes: number;
}

const { CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_KWP } = P11;

export const profiles: readonly Profile[] = [
  {
    name: 'softhsm2',
    tried: true,
    matches: ({ manufacturerID, model }) => manufacturerID.startsWith('SoftHSM') || model.startsWith('SoftHSM'),
    class: 'host',
    simulated: true,
    wrapping: [CKM_AES_KEY_WRAP_PAD],
    points: ['der', 'raw'],
    // Any size does; a page of this one is written in 9 ms, and 64 of them hold a million slots.
    pageBytes: 512 * 1024,
  },
  {
    // Objects are in the device, cloned and restored within a cloning domain by its administrators. FIPS mode forbids
    // readable derived values: the probe then names them as missing.
    name: 'thales-luna',
    tried: false,
    matches: ({ manufacturerID }) => /^(SafeNet|Thales|Chrysalis)/.test(manufacturerID),
    class: 'device',
    simulated: false,
    wrapping: [CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD],
    points: ['raw', 'der'],
    // Luna bounds an object by its partition's memory; small pages keep the second copy affordable.
    pageBytes: 32 * 1024,
  },
  {
    // PKCS#11 token objects are encrypted files on the host (/opt/nfast/kmdata), says the vendor's manual.
    name: 'entrust-nshield',
    tried: false,
    matches: ({ manufacturerID }) => /^(nCipher|Entrust)/.test(manufacturerID),
    class: 'host',
    simulated: false,
    wrapping: [CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD],
    points: ['raw', 'der'],
    pageBytes: 32 * 1024,
  },
  {
    // Unknown devices are taken at the weaker of the two classes.
    name: 'generic',
    tried: false,
    matches: () => true,
    class: 'host',
    simulated: false,
    wrapping: [CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD],
    points: ['raw', 'der'],
    pageBytes: 32 * 1024,
  },
];
