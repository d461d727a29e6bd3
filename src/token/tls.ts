/**
 * TLS with the private key in the token, through OpenSSL's engine for PKCS#11 (libp11). Node marks the option as deprecated:
 * this function is the only place that knows it.
 *
 * No PIN is handed over. The engine uses the same loaded module, and a login holds for the whole process (PKCS#11 v2.40,
 * section 6.7.4), so an open token is all it takes, and there is no PIN in a URI to end up in a trace.
 *
 * The engine does not survive the end of the module (`Token.moduleRestarts`): new handshakes fail from then on, open
 * connections go on. A node that sees it restarts itself.
 *
 * A handshake is the one call to PKCS#11 on the thread that serves HTTP: keep connections alive.
 */
import { fail } from '../base/errors.ts';
import { NODE_KEYS } from './roles.ts';

/** What `tls.createSecureContext`, `https.createServer` and their clients take besides the TLS certificate. */
export interface TlsKeyOptions {
  readonly privateKeyEngine: 'pkcs11';
  readonly privateKeyIdentifier: string;
}

const ENGINES_DEFAULT = '/usr/lib/x86_64-linux-gnu/engines-3';

/**
 * The node's TLS key in the token of this label, which must be open in this process before the first handshake.
 * Sets OPENSSL_ENGINES and PKCS11_MODULE_PATH, which the engine reads once, where they are not set.
 * @throws `configuration` when another module is set for the engine: there is one per process.
 */
export function tlsEngineOptions({ module, label }: { readonly module: string; readonly label: string }): TlsKeyOptions {
  process.env['OPENSSL_ENGINES'] ??= ENGINES_DEFAULT;
  process.env['PKCS11_MODULE_PATH'] ??= module;
  const set = process.env['PKCS11_MODULE_PATH'];
  if (set !== module) fail('configuration', 'PKCS11_MODULE_PATH names another module than the token', { set, module });
  const privateKeyIdentifier = `pkcs11:token=${encodeURIComponent(label)};object=${NODE_KEYS.tls.label};type=private`;
  return { privateKeyEngine: 'pkcs11', privateKeyIdentifier };
}
