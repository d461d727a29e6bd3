/**
 * Golden files: the bytes of a format as lines of `name  hex`, for eyes and for other implementations. They change only when
 * a format does, and only by HOLDFAST_GOLDEN=write: a test that rewrites what it compares with could not fail.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { type Layout, WIDTHS } from './samples.ts';

const HEX_PER_LINE = 96;

/** Cuts bytes along a layout, in order. */
export class Cutter {
  readonly #bytes: Uint8Array;
  readonly #lines: string[] = [];
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  note(text: string): this {
    this.#lines.push(`# ${text}`);
    return this;
  }

  /** `length` bytes under this name. */
  take(name: string, length: number): Uint8Array {
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    const hex = toHex(taken);
    for (let at = 0; at === 0 || at < hex.length; at += HEX_PER_LINE) {
      this.#lines.push(`${(at === 0 ? name : '').padEnd(18)} ${hex.slice(at, at + HEX_PER_LINE)}`);
    }
    return taken;
  }

  /** A length of `width` bytes, then as many bytes. */
  takeCounted(name: string, width: 1 | 2): void {
    const length = this.take(`${name}, length`, width).reduce((sum, byte) => sum * 256 + byte, 0);
    if (length > 0) this.take(name, length);
  }

  takeAll(layout: Layout): this {
    for (const [name, width] of layout) {
      if (width === 'bytes') this.takeCounted(name, 2);
      else this.take(name, WIDTHS[width]);
    }
    return this;
  }

  end(): this {
    expect(this.#at, 'the layout covers all bytes').toBe(this.#bytes.length);
    return this;
  }
}

/** @param file of the calling test: `import.meta.url` */
export function expectGolden(file: string, name: string, lines: readonly string[]): void {
  const path = new URL(`golden/${name}.txt`, file).pathname;
  const text = `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
  if (process.env['HOLDFAST_GOLDEN'] === 'write') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  expect(text).toBe(readFileSync(path, 'utf8'));
}
