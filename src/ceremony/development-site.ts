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
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toBase64url } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type Random, systemRandom } from '../base/ports.ts';
import { Folder, type OnAct } from './folder.ts';
import { SOFTHSM_MODULE } from './places.ts';
import type { TokenSite } from './plans/token-keys.ts';
import { RemoteCreation } from './remote-creation.ts';

export const FILES = {
  entry: 'fleet-entry.json',
  root: 'root.json',
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

export class DevelopmentSite extends Folder implements TokenSite {
  readonly #random: Random;
  readonly #tokens = new Map<string, RemoteCreation>();

  /** @param folder absolute */
  constructor(folder: string, random: Random = systemRandom, onAct?: OnAct) {
    super(folder, onAct);
    this.#random = random;
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
    this.onAct?.(`softhsm/init-token.sh ${node} ${node} ${node}/so-pin ${node}/pin`);
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
    const options = {
      environment: { SOFTHSM2_CONF: this.path(node, 'softhsm2.conf') },
      pin: async () => ({ file: this.path(node, 'pin') }),
      onCall: this.onAct,
    };
    const found = this.#tokens.get(node) ?? new RemoteCreation({ module: SOFTHSM_MODULE, label: node }, options);
    this.#tokens.set(node, found);
    return found;
  }

  close(): void {
    for (const token of this.#tokens.values()) token.close();
  }
}
