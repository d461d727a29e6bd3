/**
 * What every parser of bytes from outside is held to (law 5), for fuzzing and for replaying what it kept: it reads a value whose
 * spelling it then gives again, or it refuses with a code of its own; in bounded time, and with a message that is short.
 */
import { fromUtf8, toHex, utf8 } from '../../src/base/bytes.ts';
import { type Code, HoldfastError } from '../../src/base/errors.ts';

export interface Parser {
  /** Valid inputs to begin with. */
  seeds(): readonly Input[] | Promise<readonly Input[]>;
  /** @returns what was read, spelled again; nothing, for what is refused without a word */
  read(bytes: Uint8Array): Input | undefined | Promise<Input | undefined>;
  /** `one`: only what is spelled so is read. `many`: what is spelled again reads and spells the same. */
  readonly spelling: 'one' | 'many';
  /** With what it refuses. */
  readonly refuses: readonly Code[];
}

export type Input = Uint8Array | string;

export const asBytes = (input: Input): Uint8Array => (typeof input === 'string' ? utf8(input) : input);

/** As the program reads a text that came as bytes. */
export const textOf = fromUtf8;

/** As the program reads JSON that came as bytes, before a schema sees it. */
export function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes));
  } catch (error) {
    throw error instanceof HoldfastError ? error : new HoldfastError('malformed', 'no JSON');
  }
}

const MESSAGE_LENGTH_MAX = 1024;
const INPUT_BYTES_SHOWN = 4096;

/** What breaks the property, with the input that shows it. */
class Broken extends Error {
  constructor(why: string, input: Uint8Array, cause?: unknown) {
    super(`${why}\n  input: ${toHex(input.subarray(0, INPUT_BYTES_SHOWN))}`, { cause });
  }
}

/** @returns whether the input was read @throws `Broken` */
export async function hold(parser: Parser, input: Uint8Array): Promise<boolean> {
  const spelled = await readOrRefuse(parser, input);
  if (spelled === undefined) return false;
  if (parser.spelling === 'one') {
    if (!same(spelled, input)) throw new Broken(`another spelling was read; it is spelled ${toHex(spelled)}`, input);
    return true;
  }
  const again = await readOrRefuse(parser, spelled);
  if (again === undefined || !same(again, spelled)) throw new Broken(`what was read spells what reads otherwise: ${toHex(spelled)}`, input);
  return true;
}

async function readOrRefuse(parser: Parser, input: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    const value = await parser.read(input);
    return value === undefined ? undefined : asBytes(value);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw new Broken(`it threw what is no refusal: ${String(error)}`, input, error);
    if (!parser.refuses.includes(error.code)) throw new Broken(`it refused with ${error.code}: ${error.message}`, input, error);
    if (error.message.length > MESSAGE_LENGTH_MAX) throw new Broken(`its message has ${error.message.length} letters`, input, error);
    return undefined;
  }
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
