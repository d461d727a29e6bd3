/** SoftHSM as far away as a device: distant-module.cpp, compiled for this run. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SOFTHSM_MODULE } from '../../src/ceremony/places.ts';
import { temporaryFolder } from './closing.ts';

/** @returns the path of a module that answers what a device answers itself `waitMs` later than SoftHSM does; 0 is SoftHSM */
export function moduleAt(waitMs: number): string {
  if (waitMs === 0) return SOFTHSM_MODULE;
  const module = join(temporaryFolder().folder, 'distant.so');
  const source = fileURLToPath(new URL('./distant-module.cpp', import.meta.url));
  const headers = fileURLToPath(new URL('../../node_modules/pkcs11js/includes/pkcs11', import.meta.url));
  const defined = [`-DREAL="${SOFTHSM_MODULE}"`, `-DWAIT_US=${Math.round(1000 * waitMs)}`];
  execFileSync('g++', ['-std=c++17', '-shared', '-fPIC', '-O2', ...defined, `-I${headers}`, source, '-o', module]);
  return module;
}
