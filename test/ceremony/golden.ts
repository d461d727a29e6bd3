/** Golden texts: compared, and written anew only by HOLDFAST_GOLDEN=write. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'vitest';

/** @param file of the calling test: `import.meta.url` */
export function expectGoldenText(file: string, name: string, text: string): void {
  const path = new URL(`golden/${name}`, file).pathname;
  if (process.env['HOLDFAST_GOLDEN'] === 'write') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}
