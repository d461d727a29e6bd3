/**
 * A SoftHSM of one's own, in a temporary directory. SoftHSM reads its configuration from the environment, once per process:
 * make all tokens of a test before the first module is loaded.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../src/base/secret.ts';
import type { TokenConfig } from '../../src/token/index.ts';

export const SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so';
export const PIN = '123456';

export interface SoftHsm {
  readonly folder: string;
  /** Value of SOFTHSM2_CONF. */
  readonly conf: string;
  readonly config: (label: string) => TokenConfig;
  /** The folder with the objects of the only token. */
  readonly tokenFolder: () => string;
  readonly remove: () => void;
}

/** @param settings further lines of softhsm2.conf */
export function makeSoftHsm(labels: readonly string[], settings: readonly string[] = []): SoftHsm {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-token-'));
  const tokens = join(folder, 'tokens');
  mkdirSync(tokens);
  const conf = join(folder, 'softhsm2.conf');
  const lines = [`directories.tokendir = ${tokens}`, 'objectstore.backend = file', 'log.level = ERROR', ...settings];
  writeFileSync(conf, lines.map((line) => `${line}\n`).join(''));
  process.env['SOFTHSM2_CONF'] = conf;
  for (const label of labels) {
    execFileSync('softhsm2-util', ['--init-token', '--free', '--label', label, '--pin', PIN, '--so-pin', '12345678'], { stdio: 'pipe' });
  }
  return openSoftHsm(folder);
}

/** One that was made before, perhaps by another process. */
export function openSoftHsm(folder: string): SoftHsm {
  const [tokens, conf] = [join(folder, 'tokens'), join(folder, 'softhsm2.conf')];
  process.env['SOFTHSM2_CONF'] = conf;
  return {
    folder,
    conf,
    config: (label) => ({ module: SOFTHSM, label, pin: new Secret(PIN) }),
    tokenFolder: () => join(tokens, readdirSync(tokens)[0] as string),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
