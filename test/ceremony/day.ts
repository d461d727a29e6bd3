/**
 * The day of a ceremony, for tests: `holdfast ceremony run` as a person starts it, and people who answer what it asks. The standard
 * input is a pipe that stays open.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { holdfast, MAIN, type Ran } from '../cli/holdfast.ts';

export interface Answer {
  /** What is asked, after what was shown before it. */
  readonly to: RegExp;
  readonly say: string;
}

const QUESTION = /> $/;
/** More than any ceremony here asks: whoever answers the same wrongly again and again is stopped. */
const QUESTIONS_MAX = 300;

export class Day {
  readonly folder: string;
  /** Public keys by name, as "ceremony key" printed them. */
  readonly keys = new Map<string, string>();
  /** Files with the cards that custodians were handed, by their names. */
  readonly cards = new Map<string, string>();
  #copies = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param signers who gets a key */
  static async prepare(folder: string, signers: readonly string[]): Promise<Day> {
    const day = new Day(folder);
    for (const name of signers) {
      const { out, err } = await holdfast('ceremony', 'key', '--out', join(folder, `${name}.key`));
      if (out === '') throw new Error(err);
      day.keys.set(name, out.trim());
    }
    mkdirSync(join(folder, 'cards'));
    return day;
  }

  /** @param answers for once each, in place of what everyone says anyway: yes */
  run(plan: string, parameters: string, dir: string, answers: readonly Answer[] = []): Promise<Ran> {
    const child = spawn(process.execPath, [MAIN, 'ceremony', 'run', plan, '--parameters', parameters, '--dir', dir], {
      cwd: this.folder,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const left = [...answers];
    let out = '';
    let shown = '';
    let asked = 0;
    let questions = 0;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      if (!QUESTION.test(shown)) return;
      const question = shown.slice(asked);
      asked = shown.length;
      questions += 1;
      if (questions > QUESTIONS_MAX) child.kill();
      const at = left.findIndex(({ to }) => to.test(question));
      const [told] = at < 0 ? [] : left.splice(at, 1);
      child.stdin.write(`${told?.say ?? this.#answer(question)}\n`);
    });
    return new Promise((resolve) => {
      child.once('close', (code) => resolve({ code: code ?? 1, out, err: shown }));
    });
  }

  #answer(question: string): string {
    const whose = /(?:^|\n)([^\n]+) \((?:operator|observer)\): path of your signing key> $/.exec(question)?.[1];
    if (whose !== undefined) return `${whose}.key`;
    const handed = /([^\n]+) \(custodian\): my cards are in ([^\n]+?)(?:: I have|, encrypted)/.exec(question);
    if (handed !== null) this.#take(handed[1] ?? '', handed[2] ?? '');
    if (/Enter> $/.test(question)) return '';
    if (/stop or exception> $/.test(question)) return 'stop';
    if (/give[s]? the path of their cards/.test(question)) {
      const here = /Here: ([^\n]*)\./.exec(question)?.[1]?.split(', ') ?? [];
      return [...this.cards].find(([name]) => !here.includes(name))?.[1] ?? '';
    }
    return 'yes';
  }

  #take(custodian: string, file: string): void {
    this.#copies += 1;
    const copy = join(this.folder, 'cards', `${custodian}-${this.#copies}`);
    copyFileSync(file, copy);
    this.cards.set(custodian, copy);
  }

  read(...parts: readonly string[]): string {
    return readFileSync(join(this.folder, ...parts), 'utf8');
  }
}
