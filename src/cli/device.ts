/** The commands that people use every day; each file of this folder has those of one thing. */
import type { Command } from 'commander';
import { cancel } from './device/cancel.ts';
import { backup, restore } from './device/copies.ts';
import { deletion } from './device/delete.ts';
import { key } from './device/key.ts';
import { key64 } from './device/key64.ts';
import { move } from './device/move.ts';
import { passcode } from './device/passcode.ts';
import { recoveryCode } from './device/recovery-code.ts';
import { setup } from './device/setup.ts';
import { status } from './device/status.ts';

export function deviceCommands(): Command[] {
  return [setup(), backup(), restore(), status(), passcode(), recoveryCode(), key(), key64(), cancel(), move(), deletion()];
}
