/**
 * The folder of a development fleet: one sub-folder per node, each with a SoftHSM token of its own, and what they share.
 *
 *   fleet-entry.json  ca.pem  profile.json  transcript.jsonl
 *   accounts/         accounts.json  data/  trace.log
 *   node-1/           node.json  tls.pem  softhsm2.conf  tokens/  pin  so-pin  data/  trace.log
 *
 * Folders are 0700, files 0600. Everything is in it, the PINs too: whoever can read it has the fleet.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { toBase64url, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type Random, systemRandom } from '../base/ports.ts';
import { hash } from '../wire/signed.ts';
import type { TokenSite } from './plans/node-token.ts';
import { RemoteCreation } from './remote-creation.ts';

export const SOFTHSM_MODULE = '/usr/lib/softhsm/libsofthsm2.so';
export const FILES = {
  entry: 'fleet-entry.json',
  authority: 'ca.pem',
  profile: 'profile.json',
  transcript: 'transcript.jsonl',
  accounts: ['accounts', 'accounts.json'],
  node: 'node.json',
} as const;

const INIT_TOKEN = join(import.meta.dirname, '../../softhsm/init-token.sh');
const PIN_BYTES = 18;
/** Folders of tokens that are being made. */
const ASIDE = 'making-';

export class DevelopmentSite implements TokenSite {
  readonly folder: string;
  readonly #random: Random;
  readonly #tokens = new Map<string, RemoteCreation>();

  /** @param folder absolute */
  constructor(folder: string, random: Random = systemRandom) {
    this.folder = folder;
    this.#random = random;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** Made aside and moved into place, so that an interruption leaves no token that does not take its PIN. */
  async initialise(node: string): Promise<void> {
    const tokens = this.path(node, 'tokens');
    for (const name of ['so-pin', 'pin']) {
      if (!existsSync(this.path(node, name))) this.write([node, name], `${toBase64url(this.#random(PIN_BYTES))}\n`);
    }
    for (const name of readdirSync(this.path(node))) {
      if (name.startsWith(ASIDE)) rmSync(this.path(node, name), { recursive: true, force: true });
    }
    const aside = mkdtempSync(this.path(node, ASIDE));
    try {
      await promisify(execFile)(INIT_TOKEN, [aside, node, this.path(node, 'so-pin'), this.path(node, 'pin')]);
    } catch (error) {
      const { stderr } = error as { stderr?: string };
      fail('configuration', `the token is not initialised: ${stderr?.trim() || 'softhsm/init-token.sh does not run'}`, { node }, error);
    }
    this.write([node, 'softhsm2.conf'], readFileSync(join(aside, 'softhsm2.conf'), 'utf8').replace(join(aside, 'tokens'), tokens));
    renameSync(join(aside, 'tokens'), tokens);
    rmSync(aside, { recursive: true });
  }

  token(node: string): RemoteCreation | undefined {
    if (!existsSync(this.path(node, 'tokens'))) return undefined;
    const place = { module: SOFTHSM_MODULE, label: node, pinFile: this.path(node, 'pin') };
    const found = this.#tokens.get(node) ?? new RemoteCreation(place, { SOFTHSM2_CONF: this.path(node, 'softhsm2.conf') });
    this.#tokens.set(node, found);
    return found;
  }

  /** The whole file or none of it. */
  write(parts: readonly string[], text: string): void {
    const file = this.path(...parts);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  read(...parts: readonly string[]): string | undefined {
    const file = this.path(...parts);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  /** SHA-256 of a file, in hex; nothing when it is not there. */
  digest(...parts: readonly string[]): string | undefined {
    const text = this.read(...parts);
    return text === undefined ? undefined : hash(utf8(text));
  }

  close(): void {
    for (const token of this.#tokens.values()) token.close();
  }
}
