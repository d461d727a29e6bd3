/**
 * Where a token is and its PIN comes from, as configurations of nodes, witnesses and operators spell it; pin.ts obtains the PIN. The PIN
 * itself is never in a configuration, an argument or the environment, which others of the machine can read.
 */
import { z } from 'zod';
import { told } from '../files/configuration.ts';

const word = z.string().min(1).max(255);

/** What whoever controls each part can at most do: that depends on whose token it is. */
export interface AtMost {
  readonly module: string;
  readonly label: string;
  readonly pin: string;
  readonly deny: string;
}

const pinSource = ({ pin, deny }: AtMost) =>
  z
    .strictObject({
      fd: told(
        z.int().min(0).max(1023).optional(),
        'File descriptor with the PIN in its first line, read and closed at the start. By the launcher: 0, the standard input.',
        pin,
      ),
      credential: told(
        z
          .string()
          .regex(/^[A-Za-z0-9._-]{1,255}$/)
          .optional(),
        'Name of a credential of systemd (LoadCredentialEncrypted= in the unit) with the PIN in its first line.',
        pin,
      ),
      custodians: z
        .strictObject({
          socket: told(
            word,
            'Where custodians are waited for (`holdfast custodian give`). Its folder must be writable by this user or root only.',
            'be given the shares in place of this program, and with enough of them the PIN',
          ),
          ceremony: told(word, "The ceremony that stands on the custodians' cards.", deny),
        })
        .optional(),
    })
    .refine(
      (source) => Object.values(source).filter((one) => one !== undefined).length === 1,
      'expected one of fd, credential, custodians',
    );

const sources = (atMost: AtMost) => ({
  pinFile: told(
    word.optional(),
    "For development, in place of `pin`: file with the token's PIN in clear, readable by its owner only (mode 0600).",
    atMost.pin,
  ),
  pin: pinSource(atMost).optional(),
});

const oneSource = ({ pinFile, pin }: { readonly pinFile?: unknown; readonly pin?: unknown }): boolean =>
  (pinFile === undefined) !== (pin === undefined);
const ONE_SOURCE = { message: 'expected either pin or pinFile', path: ['pin'] };

/** Of a token whose module is named elsewhere. @param whose completes "Label of " */
export const labelledPlace = (whose: string, atMost: AtMost) =>
  z.strictObject({ label: told(word, `Label of ${whose}.`, atMost.label), ...sources(atMost) }).refine(oneSource, ONE_SOURCE);

/** @param whose completes "Label of " */
export const tokenPlace = (whose: string, atMost: AtMost) =>
  z
    .strictObject({
      module: told(word, 'Path of the PKCS#11 module.', atMost.module),
      label: told(word, `Label of ${whose}.`, atMost.label),
      ...sources(atMost),
      profile: told(word.optional(), 'Name of a device profile (src/token/profiles.ts). By default the device is recognised.', atMost.deny),
      initString: told(word.optional(), 'Initialisation string for modules that want one.', 'as `token.module`'),
    })
    .refine(oneSource, ONE_SOURCE);

/** Whose PIN, and where it comes from. */
export type PinPlace = z.output<ReturnType<typeof labelledPlace>>;
export type TokenPlace = z.output<ReturnType<typeof tokenPlace>>;

/** With its paths made whole. */
export function placeAt<T extends PinPlace>(place: T, at: (path: string) => string): T {
  const { pinFile, pin } = place;
  return {
    ...place,
    ...(pinFile !== undefined && { pinFile: at(pinFile) }),
    ...(pin?.custodians && { pin: { custodians: { ...pin.custodians, socket: at(pin.custodians.socket) } } }),
  };
}
