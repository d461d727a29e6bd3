/**
 * PKCS#11 calls in words, for a ceremony's dry run: constants by their standard names, templates attribute by attribute.
 * Never a value that could be one of a key's: bytes are given by their number.
 */
type Constants = Readonly<Record<string, unknown>>;

/** `CKA_LABEL` for 3; the number in hex where nothing has it. Of several names the shortest: later versions of the standard chose these. */
export function spellConstant(constants: Constants, prefix: string, value: number): string {
  let best: string | undefined;
  for (const name in constants) {
    if (name.startsWith(prefix) && constants[name] === value && name.length < (best?.length ?? Number.POSITIVE_INFINITY)) best = name;
  }
  return best ?? `${prefix}0x${value.toString(16)}`;
}

/** Attributes whose value is a constant, and the constants' prefix. */
const ENUMERATED: readonly (readonly [attribute: string, prefix: string])[] = [
  ['CKA_CLASS', 'CKO_'],
  ['CKA_KEY_TYPE', 'CKK_'],
];

export function spellAttribute(constants: Constants, type: number, value: number | boolean | string | Uint8Array): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean') return `${value}`;
  if (typeof value === 'number') {
    const [, prefix] = ENUMERATED.find(([attribute]) => constants[attribute] === type) ?? [];
    return prefix === undefined ? `${value}` : spellConstant(constants, prefix, value);
  }
  if (type === constants['CKA_ALLOWED_MECHANISMS']) return spellConstant(constants, 'CKM_', readUlong(value));
  return `(${value.length} bytes)`;
}

function readUlong(value: Uint8Array): number {
  return new DataView(value.buffer, value.byteOffset).getUint32(0, true);
}
