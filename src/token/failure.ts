/**
 * What a device's refusal means to the caller. Three kinds: the device (or our session with it) is gone and everything
 * must be opened anew; it is full; or it refused this one call.
 */
import { type Code, type Evidence, HoldfastError } from '../base/errors.ts';
import { DeviceError, P11 } from './pkcs11.ts';

const GONE: ReadonlySet<number> = new Set([
  P11.CKR_DEVICE_ERROR,
  P11.CKR_DEVICE_REMOVED,
  P11.CKR_TOKEN_NOT_PRESENT,
  P11.CKR_TOKEN_NOT_RECOGNIZED,
  P11.CKR_SLOT_ID_INVALID,
  P11.CKR_SESSION_CLOSED,
  P11.CKR_SESSION_HANDLE_INVALID,
  P11.CKR_USER_NOT_LOGGED_IN,
  P11.CKR_CRYPTOKI_NOT_INITIALIZED,
  // A handle of ours that is no more: objects vanish under a session only when the device did.
  P11.CKR_OBJECT_HANDLE_INVALID,
  P11.CKR_KEY_HANDLE_INVALID,
  P11.CKR_GENERAL_ERROR,
  P11.CKR_FUNCTION_FAILED,
  P11.CKR_HOST_MEMORY,
  P11.CKR_OPERATION_ACTIVE,
]);

/** Never tried again: a few wrong PINs lock a token. */
const PIN_REFUSED: ReadonlySet<number> = new Set([
  P11.CKR_PIN_INCORRECT,
  P11.CKR_PIN_INVALID,
  P11.CKR_PIN_LEN_RANGE,
  P11.CKR_PIN_EXPIRED,
  P11.CKR_PIN_LOCKED,
  P11.CKR_USER_PIN_NOT_INITIALIZED,
]);

const FULL: ReadonlySet<number> = new Set([P11.CKR_DEVICE_MEMORY]);

/** The session that answered this is of no use any more. */
export function isGone(error: unknown): boolean {
  return error instanceof DeviceError && GONE.has(error.returned);
}

/** The call and the device's answer, as evidence. */
export function answerOf({ call, returned }: DeviceError): Evidence {
  return { call, returned: `0x${returned.toString(16)}` };
}

/** `token-full`, `pin-refused` for a wrong PIN, or `token-unavailable`, with the call and the device's answer. Other errors stay what they are. */
export function asRefusal(error: unknown): unknown {
  if (!(error instanceof DeviceError)) return error;
  if (PIN_REFUSED.has(error.returned)) return new HoldfastError('pin-refused', 'the token refused its PIN', answerOf(error), error);
  const code: Code = FULL.has(error.returned) ? 'token-full' : 'token-unavailable';
  return new HoldfastError(code, 'the token refused a call', answerOf(error), error);
}
