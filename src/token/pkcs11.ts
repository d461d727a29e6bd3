/**
 * PKCS#11 (OASIS, v2.40 and v3.0) as this room speaks it: a module, a session, templates; the one file that imports
 * pkcs11js. Every call may be watched by a hook (crash tests stop a process between any two calls), and every refusal of
 * the device arrives as a `DeviceError` that carries its return value.
 *
 * Calls block. Only worker threads and the ceremony make them, never the thread that serves HTTP.
 */
import pkcs11js from 'pkcs11js';
import { fail } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { spellAttribute, spellConstant } from './spell.ts';

export type Handle = pkcs11js.Handle;
export type Mechanism = pkcs11js.Mechanism;
export type Template = Readonly<Record<number, number | boolean | string | Uint8Array>>;
export type TokenInfo = pkcs11js.TokenInfo;

/** Constants by their standard names, with what pkcs11js does not know yet. */
export const P11 = Object.assign(Object.create(pkcs11js) as typeof pkcs11js, {
  /** AES-KWP (RFC 5649) as v3.0 numbers it; CKM_AES_KEY_WRAP_PAD (0x210A) is what older devices have. */
  CKM_AES_KEY_WRAP_KWP: 0x210b,
  CKM_EC_EDWARDS_KEY_PAIR_GEN: 0x1055,
  CKM_EDDSA: 0x1057,
  CKK_EC_EDWARDS: 0x40,
  CKA_COPYABLE: 0x171,
  CKA_DESTROYABLE: 0x172,
  CKR_ACTION_PROHIBITED: 0x1b,
});

const SESSION_FLAGS = P11.CKF_SERIAL_SESSION | P11.CKF_RW_SESSION;
const LABEL_BYTES = 32;

/** The device answered something other than CKR_OK. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  /** CKR_*, as a number. */
  readonly returned: number;
  readonly call: string;

  constructor(call: string, cause: unknown) {
    const { code, message } = cause as { code?: number; message?: string };
    super(`${call}: ${message ?? 'unknown'}`, { cause });
    this.returned = code ?? -1;
    this.call = call;
  }
}

/** Called before each PKCS#11 call is made, with its name and what it is given: templates and mechanisms, never a PIN or a value. */
export type CallHook = (call: string, given: () => string) => void;

/** One loaded module. Threads of a process share what is loaded: each has its own `Module` and its own sessions. */
export class Module {
  readonly #library: pkcs11js.PKCS11;
  readonly #hook: CallHook | undefined;

  constructor(path: string, initString?: string, hook?: CallHook) {
    this.#hook = hook;
    this.#library = new pkcs11js.PKCS11();
    try {
      this.#library.load(path);
    } catch (cause) {
      fail('configuration', 'the PKCS#11 module does not load', { module: path }, cause);
    }
    const flags = P11.CKF_OS_LOCKING_OK;
    const options = initString === undefined ? { flags } : { flags, libraryParameters: initString };
    // Another thread, or the TLS engine, may have been first: the standard calls that an error, we do not.
    this.tolerate([P11.CKR_CRYPTOKI_ALREADY_INITIALIZED], 'C_Initialize', (library) => library.C_Initialize(options));
  }

  call<T>(name: string, run: (library: pkcs11js.PKCS11) => T, given: () => string = () => ''): T {
    this.#hook?.(name, given);
    try {
      return run(this.#library);
    } catch (cause) {
      throw new DeviceError(name, cause);
    }
  }

  tolerate(returned: readonly number[], name: string, run: (library: pkcs11js.PKCS11) => void): void {
    try {
      this.call(name, run);
    } catch (error) {
      if (!(error instanceof DeviceError && returned.includes(error.returned))) throw error;
    }
  }

  /**
   * Ends the module for every thread of the process. It is how a device that went away is found again: SoftHSM forgets
   * for good what it could not read once, and many network devices want the same.
   */
  finalize(): void {
    this.tolerate([P11.CKR_CRYPTOKI_NOT_INITIALIZED], 'C_Finalize', (library) => library.C_Finalize());
  }

  /** @throws `token-unavailable` when no token has the label, `configuration` when two have. */
  findToken(label: string): { slot: Handle; info: TokenInfo } {
    const tokens = this.#tokens();
    const [found, second] = tokens.filter(({ info }) => info.label.trimEnd() === label);
    if (second !== undefined) return fail('configuration', 'two tokens have the same label', { label });
    return found ?? fail('token-unavailable', 'no token has this label', { label, tokens: tokens.length });
  }

  /**
   * The token of this label, or else the one that is to get it: in the slot of this number, or the only one that is not initialised.
   * @throws `token-unavailable`, `configuration` when it is not clear which is meant
   */
  findOrEmpty(label: string, slotNumber?: number): { slot: Handle; info: TokenInfo } {
    const tokens = this.#tokens();
    const [named] = tokens.filter(({ info }) => info.label.trimEnd() === label);
    if (named !== undefined) return this.findToken(label);
    const wanted = ({ slot, info }: { slot: Handle; info: TokenInfo }): boolean =>
      slotNumber === undefined ? (info.flags & P11.CKF_TOKEN_INITIALIZED) === 0 : slot.readUInt32LE(0) === slotNumber;
    const [found, second] = tokens.filter(wanted);
    if (second !== undefined) return fail('configuration', 'several slots hold a token that is not initialised: name the slot', { label });
    return found ?? fail('token-unavailable', 'no slot holds a token that could get this label', { label, tokens: tokens.length });
  }

  #tokens(): { slot: Handle; info: TokenInfo }[] {
    const slots = this.call('C_GetSlotList', (library) => library.C_GetSlotList(true));
    return slots.map((slot) => ({ slot, info: this.call('C_GetTokenInfo', (library) => library.C_GetTokenInfo(slot)) }));
  }

  /** Makes the token anew, destroying all that is in it: the caller has seen that it was never initialised. */
  initToken(slot: Handle, label: string, soPin: Secret<string>, pin: Secret<string>): void {
    // CK_TOKEN_INFO's label is padded with blanks (PKCS#11 v2.40, section 3.2); the library would pad it with zeros.
    const padded = label.padEnd(LABEL_BYTES);
    if (Buffer.byteLength(padded) > LABEL_BYTES) fail('configuration', `a token label has at most ${LABEL_BYTES} bytes`, { label });
    this.call(
      'C_InitToken',
      (library) => library.C_InitToken(slot, soPin.reveal(), padded),
      () => `label ${JSON.stringify(label)}`,
    );
    const session = this.call(
      'C_OpenSession',
      (library) => library.C_OpenSession(slot, SESSION_FLAGS),
      () => 'read-write',
    );
    try {
      this.call(
        'C_Login',
        (library) => library.C_Login(session, P11.CKU_SO, soPin.reveal()),
        () => 'as the security officer',
      );
      this.call('C_InitPIN', (library) => library.C_InitPIN(session, pin.reveal()));
      this.call('C_Logout', (library) => library.C_Logout(session));
    } finally {
      this.call('C_CloseSession', (library) => library.C_CloseSession(session));
    }
  }

  mechanisms(slot: Handle): ReadonlySet<number> {
    return new Set(this.call('C_GetMechanismList', (library) => library.C_GetMechanismList(slot)));
  }

  /** @throws `pin-refused` before the PIN is tried where it could be the last try (requireTries) */
  openSession({ slot, info }: { readonly slot: Handle; readonly info: TokenInfo }, pin: Secret<string>): Session {
    requireTries(info);
    const handle = this.call(
      'C_OpenSession',
      (library) => library.C_OpenSession(slot, SESSION_FLAGS),
      () => 'read-write',
    );
    this.tolerate([P11.CKR_USER_ALREADY_LOGGED_IN], 'C_Login', (library) => library.C_Login(handle, P11.CKU_USER, pin.reveal()));
    return new Session(this, handle);
  }
}

/** A logged-in session. Not for two threads. */
export class Session {
  readonly #module: Module;
  readonly #handle: Handle;

  constructor(module: Module, handle: Handle) {
    this.#module = module;
    this.#handle = handle;
  }

  #call<T>(name: string, run: (library: pkcs11js.PKCS11, session: Handle) => T, given?: () => string): T {
    return this.#module.call(name, (library) => run(library, this.#handle), given);
  }

  /** What a session sees that is not logged in. For the whole process (section 6.7.4): only where no other session is at work. */
  withoutLogin<T>(pin: Secret<string>, look: () => T): T {
    this.#call('C_Logout', (library, session) => library.C_Logout(session));
    try {
      return look();
    } finally {
      this.#call(
        'C_Login',
        (library, session) => library.C_Login(session, P11.CKU_USER, pin.reveal()),
        () => 'as the user',
      );
    }
  }

  close(): void {
    this.#call('C_CloseSession', (library, session) => library.C_CloseSession(session));
  }

  find(template: Template): Handle[] {
    this.#call(
      'C_FindObjectsInit',
      (library, session) => library.C_FindObjectsInit(session, attributes(template)),
      () => spell(template),
    );
    try {
      const found: Handle[] = [];
      for (;;) {
        const some = this.#call('C_FindObjects', (library, session) => library.C_FindObjects(session, 256));
        if (some.length === 0) return found;
        found.push(...some);
      }
    } finally {
      this.#call('C_FindObjectsFinal', (library, session) => library.C_FindObjectsFinal(session));
    }
  }

  /** The raw value of one attribute. */
  read(object: Handle, type: number): Uint8Array {
    const read = (library: pkcs11js.PKCS11, session: Handle) => library.C_GetAttributeValue(session, object, [{ type }]);
    const [found] = this.#call('C_GetAttributeValue', read, () => spellType(type));
    return new Uint8Array(found?.value ?? []);
  }

  create(template: Template): Handle {
    return this.#call(
      'C_CreateObject',
      (library, session) => library.C_CreateObject(session, attributes(template)),
      () => spell(template),
    );
  }

  destroy(object: Handle): void {
    this.#call('C_DestroyObject', (library, session) => library.C_DestroyObject(session, object));
  }

  change(object: Handle, template: Template): void {
    const change = (library: pkcs11js.PKCS11, session: Handle) => library.C_SetAttributeValue(session, object, attributes(template));
    this.#call('C_SetAttributeValue', change, () => spell(template));
  }

  copy(object: Handle, template: Template): Handle {
    const copy = (library: pkcs11js.PKCS11, session: Handle) => library.C_CopyObject(session, object, attributes(template));
    return this.#call('C_CopyObject', copy, () => spell(template));
  }

  wrap(mechanism: Mechanism, wrapping: Handle, object: Handle): Uint8Array {
    const room = Buffer.alloc(1024);
    const wrap = (library: pkcs11js.PKCS11, session: Handle) => library.C_WrapKey(session, mechanism, wrapping, object, room);
    return new Uint8Array(this.#call('C_WrapKey', wrap, () => spellMechanism(mechanism)));
  }

  generateKey(mechanism: Mechanism, template: Template): Handle {
    const generate = (library: pkcs11js.PKCS11, session: Handle) => library.C_GenerateKey(session, mechanism, attributes(template));
    return this.#call('C_GenerateKey', generate, () => `${spellMechanism(mechanism)} ${spell(template)}`);
  }

  generateKeyPair(mechanism: Mechanism, publicTemplate: Template, privateTemplate: Template): pkcs11js.KeyPair {
    return this.#call(
      'C_GenerateKeyPair',
      (library, session) => library.C_GenerateKeyPair(session, mechanism, attributes(publicTemplate), attributes(privateTemplate)),
      () => `${spellMechanism(mechanism)} public ${spell(publicTemplate)} private ${spell(privateTemplate)}`,
    );
  }

  /** A signature or MAC of `length` bytes at most. */
  sign(mechanism: Mechanism, signingKey: Handle, data: Uint8Array, length: number): Uint8Array {
    const begin = (library: pkcs11js.PKCS11, session: Handle) => library.C_SignInit(session, mechanism, signingKey);
    this.#call('C_SignInit', begin, () => spellMechanism(mechanism));
    const signed = this.#call('C_Sign', (library, session) => library.C_Sign(session, Buffer.from(data), Buffer.alloc(length)));
    return new Uint8Array(signed);
  }

  derive(mechanism: Mechanism, base: Handle, template: Template): Handle {
    const derive = (library: pkcs11js.PKCS11, session: Handle) => library.C_DeriveKey(session, mechanism, base, attributes(template));
    return this.#call('C_DeriveKey', derive, () => `${spellMechanism(mechanism)} ${spell(template)}`);
  }

  unwrap(mechanism: Mechanism, unwrapping: Handle, wrapped: Uint8Array, template: Template): Handle {
    return this.#call(
      'C_UnwrapKey',
      (library, session) => library.C_UnwrapKey(session, mechanism, unwrapping, Buffer.from(wrapped), attributes(template)),
      () => `${spellMechanism(mechanism)} ${spell(template)}`,
    );
  }
}

/**
 * A token counts wrong PINs (flags of CK_TOKEN_INFO; PKCS#11 v2.40, section 3.2) and locks itself for good. So the last try is not
 * made by a program that starts again and again, but by a person who knows the PIN.
 */
function requireTries({ label, flags }: TokenInfo): void {
  const token = label.trimEnd();
  if ((flags & P11.CKF_USER_PIN_LOCKED) !== 0)
    fail('pin-refused', 'the token has locked its PIN after wrong ones, and nothing was tried: its security officer sets a new one', {
      token,
    });
  if ((flags & P11.CKF_USER_PIN_FINAL_TRY) !== 0)
    fail(
      'pin-refused',
      "one more wrong PIN would lock the token, and nothing was tried: log in once with the right one, by the vendor's tool, then start again",
      { token },
    );
}

function attributes(template: Template): pkcs11js.Template {
  return Object.entries(template).map(([type, value]) => ({
    type: Number(type),
    value: value instanceof Uint8Array ? Buffer.from(value) : value,
  }));
}

const spellType = (type: number): string => spellConstant(P11, 'CKA_', type);
const spellMechanism = ({ mechanism }: Mechanism): string => spellConstant(P11, 'CKM_', mechanism);
const spell = (template: Template): string =>
  `{${Object.entries(template)
    .map(([type, value]) => `${spellType(Number(type))} ${spellAttribute(P11, Number(type), value)}`)
    .join(', ')}}`;
