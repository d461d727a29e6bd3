/**
 * What the command keeps on a person's device: who they are, which fleet they trust, and the recipient for new backups.
 * Never the backup key, never a passcode.
 *
 *   HOME/device.json   0600: the profile below
 *   HOME/memos/        unfinished business with the fleet (client/memo.ts)
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { headerFields } from '../backup/header.ts';
import { fail } from '../base/errors.ts';

const profile = z.strictObject({
  /** The pinned fleet entry. */
  entryFile: z.string(),
  /** A certification authority of the nodes' web addresses that the system does not know; for development. */
  caFile: z.string().exactOptional(),
  /** Where passes come from. */
  accounts: z.url(),
  tenant: z.string().min(1).max(64),
  user: z.string().min(1).max(255),
  /** Accept tokens that protect nothing. */
  allowSimulated: z.boolean(),
  /** Set by the first backup or restore: where the key is kept, and the recipient for new backups. All public. */
  backup: headerFields.exactOptional(),
});

export type Profile = z.output<typeof profile>;

export class DeviceHome {
  readonly path: string;

  /** @param path default: where the platform keeps an application's state (XDG Base Directory Specification) */
  constructor(path?: string) {
    const base = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
    this.path = path ?? join(base, 'holdfast');
  }

  get memos(): string {
    return join(this.path, 'memos');
  }

  /** @throws `configuration` */
  async load(): Promise<Profile> {
    const file = join(this.path, 'device.json');
    const text = await readFile(file, 'utf8').catch(() =>
      fail('configuration', `${file} cannot be read: this device is not set up. Run: holdfast setup --profile FILE --user NAME`),
    );
    return parseProfile(text, file);
  }

  async save(value: Profile): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const file = join(this.path, 'device.json');
    const handle = await open(`${file}.new`, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(profile.parse(value), undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${file}.new`, file);
  }
}

function parseProfile(text: string, file: string): Profile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('configuration', `${file} is not JSON`);
  }
  const read = profile.safeParse(value);
  return read.success ? read.data : fail('configuration', `${file}: ${z.prettifyError(read.error)}`);
}

const published = profile.pick({ entryFile: true, caFile: true, accounts: true, tenant: true, allowSimulated: true });

/** What an operator hands out to people: the profile without the person. @throws `configuration` */
export async function readPublishedProfile(file: string): Promise<Omit<Profile, 'user' | 'backup'>> {
  const text = await readFile(file, 'utf8').catch(() => fail('configuration', `${file} cannot be read`));
  const read = published.safeParse(JSON.parse(text));
  return read.success ? read.data : fail('configuration', `${file}: ${z.prettifyError(read.error)}`);
}
