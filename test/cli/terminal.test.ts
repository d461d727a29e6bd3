/** Secrets are asked for at the terminal, and nothing that is typed shows: on a real pseudo-terminal, by script(1). */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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
function atTerminal(
  command: string,
  answers: readonly (readonly [prompt: string, typed: string])[],
): Promise<{ code: number; shown: string }> {
  const line = `${process.execPath} ${MAIN} ${command} --home ${root}`;
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

it('where there is no terminal, the option is named', async () => {
  const { code, err } = await new Device(root).run(['recovery-code', 'check']);
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('give --recovery-code-fd') });
});
