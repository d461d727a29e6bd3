/**
 * What is known to be amiss on each kind of device, by profile (src/token/profiles.ts), and told in every ceremony: anything else
 * stops it. Only SoftHSM's row was seen; the others are from what the vendors' manuals say of PKCS#11, never tried.
 */
interface Device {
  /** What its PIN's holder can do although he should not: why the backup key is shared over several tokens. */
  readonly open: readonly string[];
  /** CKA_* that it does not have, without the prefix. */
  readonly unknown: readonly string[];
}

/** Without CKA_DERIVE_TEMPLATE, ECDH1_DERIVE gives whoever may call it a readable value: the OPRF needs it. */
const DERIVE = 'derive a readable value with the sealing key';

const DEVICES: Readonly<Record<string, Device>> = {
  softhsm2: { open: [DERIVE], unknown: [] },
  'thales-luna': { open: [DERIVE], unknown: ['ALLOWED_MECHANISMS', 'COPYABLE', 'DESTROYABLE'] },
  'entrust-nshield': { open: [DERIVE], unknown: ['COPYABLE', 'DESTROYABLE'] },
};

/** A device that nobody described is expected to be in order: what is not comes up as an exception. */
export function knownOf(profile: unknown): Device {
  return DEVICES[String(profile)] ?? { open: [], unknown: [] };
}
