/** No secret is traced or answered, and no refusal is an accident. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toBase64url, toHex } from '../../../src/base/bytes.ts';
import { Raw } from '../raw.ts';
import { alice, bob, fleet, made, mallory, PINS } from './world.ts';

/** Called last in a file. @param refusal a code that the traces then hold */
export function writtenDown(refusal: string): void {
  describe('what is written down', () => {
    it('holds no pass, no passcode, no key and nothing that a client made by chance', () => {
      const traces = [1, 2, 3].map((node) => readFileSync(join(fleet.folder, `node-${node}`, 'trace.log'), 'utf8'));
      for (const expected of ['"path":"/v1/attempt"', `"code":"${refusal}"`]) expect(traces.join('')).toContain(expected);
      const pins = [1, 2, 3].map((node) => readFileSync(join(fleet.folder, `node-${node}`, 'pin'), 'utf8').trim());
      const spellings = (bytes: Uint8Array) => [
        toHex(bytes),
        toBase64url(bytes),
        Buffer.from(bytes).toString('base64'),
        [...bytes].join(','),
      ];
      const secrets = [
        ...Object.values(PINS),

        ...pins,
        ...[alice.raw, bob.raw, mallory].flatMap(({ pass }) => [pass, pass.split('.')[2] ?? '', pass.split('.')[1] ?? '']),
        ...made.flatMap(spellings),
        ...[alice, bob].flatMap(({ authority }) => spellings(authority.opened.secret)),
      ];
      expect(made.length).toBeGreaterThan(20);
      expect(Raw.heard.length).toBeGreaterThan(10);
      const written = [...traces, Raw.heard.filter((text) => text.startsWith('{"error"')).join('\n')].join('\n');
      for (const secret of secrets) {
        expect(secret.length).toBeGreaterThan(10);
        expect(written.includes(secret)).toBe(false);
      }
    });

    it('tells of no bug: no refusal above was an accident', () => {
      const traces = [1, 2, 3].map((node) => readFileSync(join(fleet.folder, `node-${node}`, 'trace.log'), 'utf8'));
      for (const trace of traces) expect(trace).not.toMatch(/"code":"alarm"|"level":50/);
      expect(Raw.heard.join('\n')).not.toContain('"code":"alarm"');
    });
  });
}
