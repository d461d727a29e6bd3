/**
 * What the command keeps on a person's device: who they are, which fleet they trust, the recipient for new backups, and the
 * owner key (owner.ts). The backup key only on the person's wish (key.ts), a passcode never.
 *
 *   HOME/device.json   0600: the profile below
 *   HOME/key64.json    0600: the recipient of a 64-digit key, for backups without a vault
 *   HOME/fleets/       what was seen of each deployment's fleet keys, by its root, and its last bundle that verified
 *   HOME/memos/FLEET/  unfinished business with each fleet (client/memo.ts): a slot has the same id in all of them
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { headerFields, recipient } from '../backup/header.ts';
import { type Id, utf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { type KnownStore, parseKnown, spellKnown } from '../client/known.ts';
import { hash } from '../wire/signed.ts';

const shared = {
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
  /** The scalar of that key's owner key, 32 bytes: it decides about the account, and opens nothing. */
  owner: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .exactOptional(),
  /** The key itself, 32 bytes, where the person wants it kept here (`holdfast key --keep`): it opens all backups. */
  key: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .exactOptional(),
  /** That key was recovered over a fleet bundle that may not be current: no new backup until a current one is seen. */
  overStale: z.literal(true).exactOptional(),
};
/** Whoever gives out the entry decides which fleet this device trusts. */
const pinned = z.strictObject({ entryFile: z.string(), ...shared });
/** Fleet keys over the air (docs/transparency.md): trusted is what verifies under this root. */
const overTheAir = z.strictObject({
  /** root.json, of any version. */
  rootFile: z.string(),
  /** Nodes to ask first; later those of the last entry that verified are asked too. */
  urls: z
    .array(z.url({ protocol: /^https$/ }))
    .min(1)
    .max(64),
  /** How many third parties must have cosigned the log; by default one. With none, operator and witness together can publish unseen. */
  thirdParties: z.int().min(0).max(32).exactOptional(),
  ...shared,
});
const profile = z.union([pinned, overTheAir]);
const keyOnly = z.strictObject({ recipient });

export type Profile = z.output<typeof profile>;
export type Published = z.output<typeof published>;

export class DeviceHome {
  readonly path: string;

  /** @param path default: where the platform keeps an application's state */
  constructor(path?: string) {
    this.path = path ?? join(stateFolder(), 'holdfast');
  }

  memosOf(fleet: Id): string {
    return join(this.path, 'memos', fleet);
  }

  /** @param root the text of the root that is pinned: another deployment has seen nothing yet */
  known(root: string): KnownStore {
    const name = join('fleets', `${hash(utf8(root))}.json`);
    return {
      load: async () => {
        const text = await this.#text(name);
        return text === undefined ? undefined : parseKnown(text);
      },
      save: (known) => this.#replace(name, spellKnown(known)),
    };
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
    const { backup, owner, key, overStale } = same ? before : {};
    const kept = { ...(backup && { backup }), ...(owner && { owner }), ...(key && { key }), ...(overStale && { overStale }) };
    await this.save({ ...from, user, ...kept });
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
    const text = await this.#text(name);
    return text === undefined ? undefined : parseAs(schema, text, join(this.path, name));
  }

  async #text(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.path, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #write(name: string, value: object): Promise<void> {
    return this.#replace(name, `${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** A crash leaves the old file or the new one. */
  async #replace(name: string, text: string): Promise<void> {
    const file = join(this.path, name);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(`${file}.new`, 'w', 0o600);
    try {
      await handle.writeFile(text);
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

const ofPerson = { user: true, backup: true, owner: true, key: true, overStale: true } as const;
const published = z.union([pinned.omit(ofPerson), overTheAir.omit(ofPerson)]);

/** What an operator hands out to people: the profile without the person. @throws `configuration` */
export async function readPublishedProfile(file: string): Promise<Published> {
  return parseAs(published, await readFile(file, 'utf8').catch(() => fail('configuration', `${file} cannot be read`)), file);
}
