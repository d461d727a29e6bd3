/**
 * What the command keeps on a person's device: who they are, which fleet they trust, and the recipient for new backups.
 * Never the backup key, never a passcode.
 *
 *   HOME/device.json   0600: the profile below
 *   HOME/key64.json    0600: the recipient of a 64-digit key, for backups without a vault
 *   HOME/memos/        unfinished business with the fleet (client/memo.ts)
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { headerFields, recipient } from '../backup/header.ts';
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
const keyOnly = z.strictObject({ recipient });

export type Profile = z.output<typeof profile>;
export type Published = Omit<Profile, 'user' | 'backup'>;

export class DeviceHome {
  readonly path: string;

  /** @param path default: where the platform keeps an application's state */
  constructor(path?: string) {
    this.path = path ?? join(stateFolder(), 'holdfast');
  }

  get memos(): string {
    return join(this.path, 'memos');
  }

  /** @throws `configuration` */
  async load(): Promise<Profile> {
    const read = await this.#read('device.json', profile);
    return read ?? fail('configuration', 'this device is not set up. Run: holdfast setup --profile FILE --user NAME');
  }

  /** The same person of the same organisation goes on with the key that is there, under another entry too. */
  async setUp(from: Published, user: string): Promise<void> {
    const before = await this.#read('device.json', profile);
    const same = before?.user === user && before.tenant === from.tenant && before.accounts === from.accounts;
    await this.save({ ...from, user, ...(same && before.backup && { backup: before.backup }) });
  }

  save(value: Profile): Promise<void> {
    return this.#write('device.json', profile.parse(value));
  }

  /** The recipient of the 64-digit key, if this device has been given one. @throws `configuration` */
  async keyOnly(): Promise<string | undefined> {
    return (await this.#read('key64.json', keyOnly))?.recipient;
  }

  saveKeyOnly(value: string): Promise<void> {
    return this.#write('key64.json', { recipient: value });
  }

  async #read<T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> {
    const file = join(this.path, name);
    try {
      return parseAs(schema, await readFile(file, 'utf8'), file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** A crash leaves the old file or the new one. */
  async #write(name: string, value: object): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const file = join(this.path, name);
    const handle = await open(`${file}.new`, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(value, undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${file}.new`, file);
  }
}

/** XDG Base Directory Specification; Apple's File System Programming Guide; Known Folders of Windows. */
function stateFolder(): string {
  switch (process.platform) {
    case 'darwin':
      return join(homedir(), 'Library', 'Application Support');
    case 'win32':
      return process.env['LOCALAPPDATA'] || join(homedir(), 'AppData', 'Local');
    default:
      return process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  }
}

function parseAs<T>(schema: z.ZodType<T>, text: string, file: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('configuration', `${file} is not JSON`);
  }
  const read = schema.safeParse(value);
  return read.success ? read.data : fail('configuration', `${file}: ${z.prettifyError(read.error)}`);
}

const published = profile.pick({ entryFile: true, caFile: true, accounts: true, tenant: true, allowSimulated: true });

/** What an operator hands out to people: the profile without the person. @throws `configuration` */
export async function readPublishedProfile(file: string): Promise<Published> {
  return parseAs(published, await readFile(file, 'utf8').catch(() => fail('configuration', `${file} cannot be read`)), file);
}
