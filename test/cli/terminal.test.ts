/** Secrets are asked for at the terminal, and nothing that is typed shows: on a real pseudo-terminal, by script(1). */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAIN } from './holdfast.ts';
import { Device } from './person.ts';

const CODE = '01234-56789-ABCDE-FGHJK-MNPQR-STZFB';
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-terminal-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Types each answer once its prompt stands. @returns the exit code, and all that the terminal showed */
function atTerminal(command: string, answers: Answers): Promise<Shown> {
  return showAtTerminal(`${process.execPath} ${MAIN} ${command} --home ${root}`, answers);
}

/** A program of a few lines, with what the command line asks and tells by. */
function programAtTerminal(program: string, answers: Answers): Promise<Shown> {
  const file = join(root, 'program.ts');
  const imports = ['passcode', 'report', 'waiting'].map((name) => `import * as ${name} from '${join(MAIN, '..', name)}.ts';`);
  writeFileSync(file, `${imports.join('\n')}\n${program}`);
  return showAtTerminal(`${process.execPath} ${file}`, answers);
}

type Answers = readonly (readonly [prompt: string, typed: string])[];
interface Shown {
  readonly code: number;
  readonly shown: string;
}

function showAtTerminal(line: string, answers: Answers): Promise<Shown> {
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let shown = '';
  let seen = 0;
  let next = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    const [prompt = '', typed = ''] = answers[next] ?? [];
    const at = next < answers.length ? shown.indexOf(prompt, seen) : -1;
    if (at < 0) return;
    seen = at + prompt.length;
    next += 1;
    child.stdin.write(typed);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, shown }));
  });
}

it('a secret is typed without echo', async () => {
  const { code, shown } = await atTerminal('recovery-code check', [['Recovery code: ', `${CODE}\r`]]);
  expect({ code, shown }).toEqual({ code: 0, shown: expect.stringContaining('Typed without error') });
  expect(shown).not.toContain('01234');
});

it('at the terminal itself, also where the standard input is something else', async () => {
  const { code, shown } = await atTerminal('recovery-code check < /dev/null', [['Recovery code: ', `${CODE}\r`]]);
  expect({ code, shown }).toEqual({ code: 0, shown: expect.stringContaining('Typed without error') });
});

it('Ctrl-C and the end of the input end the command, and nothing is done', async () => {
  for (const key of ['\x03', '\x04']) {
    const { code, shown } = await atTerminal('key64 enter', [['64-digit key: ', key]]);
    expect({ code, shown }).toEqual({ code: 1, shown: expect.stringContaining('nothing was typed: nothing was done') });
  }
});

const CHOOSE = `
  import { choosePasscode } from '${join(MAIN, '../../vault/passcode.ts')}';
  const ask = passcode.askForNew('New passcode', undefined, '--passcode-fd');
  const chosen = await ask((typed) => choosePasscode(typed, ['alice'])).catch((error) => 'gave up: ' + error.message);
  report.print('chosen: ' + chosen);`;

it('a passcode that is too weak, or typed differently the second time, is asked for again', async () => {
  const { shown } = await programAtTerminal(CHOOSE, [
    ['New passcode: ', '123456\r'],
    ['New passcode: ', '271828\r'],
    ['Again: ', '271829\r'],
    ['New passcode: ', '271828\r'],
    ['Again: ', '271828\r'],
  ]);
  expect(shown).toMatch(/too easy to guess: it is among the most common.*the two differ.*chosen: 271828/s);
  expect(shown.match(/Again: /g)).toHaveLength(2);
});

it('but no more than three times', async () => {
  const weak = ['New passcode: ', '123456\r'] as const;
  expect((await programAtTerminal(CHOOSE, [weak, weak, weak, weak])).shown).toContain('chosen: gave up: this PIN is too easy');
});

it('work that takes over a second is seen to go on, and leaves its line to what is said next', async () => {
  const { shown } = await programAtTerminal(
    `const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    waiting.beginWaiting();
    await rest(2200);
    waiting.tellWaiting('12.3 MiB');
    await waiting.whileAsking(() => rest(1500).then(() => report.say('nobody is disturbed')));
    await rest(2200);
    report.print('done');`,
    [],
  );
  const lines = shown.replaceAll('\r\x1b[K', '|');
  expect(lines).toMatch(/^\| {2}1 s\|.*\| {2}12\.3 MiB, \d s\|nobody is disturbed\r\n\|.*\| {2}12\.3 MiB, \d s\|done\r\n$/s);
});

it('where there is no terminal, the option is named', async () => {
  const { code, err } = await new Device(root).run(['recovery-code', 'check']);
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('give --recovery-code-fd') });
});
