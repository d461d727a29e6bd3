/**
 * The desk: where custodians give their shares to a program of this machine that waits for a token's PIN. A socket for the user
 * of the program only. Opened by the start of a node or a witness (pin.ts); who comes to it is visit.ts.
 *
 * Who connects is not asked: a share proves itself or is refused, and the desk gives nothing away. But whoever could put a
 * socket of his own in this place would be given the shares: so nobody else may write to its folder.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { fail, HoldfastError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { Gathering } from './gathering.ts';
import { CUSTODY_TYPE, type DeskState, given, linesOf, PATIENCE_MS, readLine, spellLine } from './speech.ts';

export interface Desk {
  /** With the last share that was needed; never when the desk is closed before. */
  readonly pin: Promise<Secret<string>>;
  /** Also removes the socket. */
  close(): Promise<void>;
}

/** After each share: how far the desk is, and why the share was refused if it was. */
export type Told = (state: DeskState, refused?: HoldfastError) => void;

const VISITORS_MAX = 8;

/** @throws `configuration` when the place of the socket is not this program's alone, or taken */
export async function openDesk(path: string, gathering: Gathering, told: Told): Promise<Desk> {
  requireOwnFolder(dirname(path));
  await removeStale(path);
  const { promise: pin, resolve } = Promise.withResolvers<Secret<string>>();
  const state = (): DeskState => ({
    type: CUSTODY_TYPE,
    ceremony: gathering.of.ceremony,
    token: gathering.of.token,
    ...gathering.progress,
  });
  let turn: Promise<unknown> = Promise.resolve();
  const take = (text: string): Promise<Secret<string> | undefined> => {
    const taken = turn.then(() => gathering.take(text));
    turn = taken.catch(() => undefined);
    return taken;
  };
  const receive = async (visitor: Socket): Promise<void> => {
    visitor.write(spellLine(state()));
    const line = await linesOf(visitor)();
    if (line === undefined) return void visitor.end();
    try {
      const found = await take(readLine(given, line).share);
      told(state());
      visitor.end(spellLine(state()));
      if (found !== undefined) resolve(found);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      told(state(), error);
      visitor.end(spellLine({ error: { code: error.code, message: error.message, evidence: error.evidence } }));
    }
  };
  const visitors = new Set<Socket>();
  const server = createServer((visitor) => {
    visitors.add(visitor);
    visitor.once('close', () => visitors.delete(visitor));
    visitor.on('error', () => visitor.destroy());
    visitor.setTimeout(PATIENCE_MS, () => visitor.destroy());
    receive(visitor).catch(() => visitor.destroy());
  });
  server.maxConnections = VISITORS_MAX;
  await listenAt(server, path);
  return {
    pin,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const visitor of visitors) visitor.destroySoon();
      await closed;
      await turn;
      gathering.clear();
    },
  };
}

function requireOwnFolder(folder: string): void {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return fail('configuration', `${folder} is missing: the custodians' socket needs a folder of its own`);
  const { uid, mode } = found;
  if ((uid === process.getuid?.() || uid === 0) && (mode & 0o022) === 0) return;
  fail('configuration', `${folder} must belong to this user or to root, and nobody else may write to it: he could take the shares`, {
    uid,
    mode: (mode & 0o7777).toString(8),
  });
}

/** A program that was killed leaves its socket behind. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) fail('configuration', `${path} is in the way: it is no socket`);
  const answers = await new Promise<boolean>((resolve) => {
    const visitor = connect(path);
    visitor.once('connect', () => visitor.destroy() && resolve(true));
    visitor.once('error', () => resolve(false));
  });
  if (answers) fail('configuration', `another program waits for custodians at ${path}`);
  rmSync(path);
}

function listenAt(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // For this user only from its first moment.
    const before = process.umask(0o177);
    server.listen(path, () => {
      chmodSync(path, 0o600);
      resolve();
    });
    process.umask(before);
  });
}
