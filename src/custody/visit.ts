/** A custodian at the desk of a program that waits for a PIN (desk.ts): looks how far it is, gives a share. */
import { lstatSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { z } from 'zod';
import { fail } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { type DeskState, deskState, linesOf, PATIENCE_MS, readLine, refusal, spellLine } from './speech.ts';

/** How far the desk is. @throws `not-found` when no program waits there, `malformed` when it speaks another version */
export const askDesk = (path: string): Promise<DeskState> => visit(path, undefined);

/** Gives a share, and tells how far the desk is then. @throws what the share was refused with; and as `askDesk` */
export const giveShare = (path: string, share: Secret<string>): Promise<DeskState> => visit(path, share);

async function visit(path: string, share: Secret<string> | undefined): Promise<DeskState> {
  requirePlace(path);
  const socket = connect(path);
  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  try {
    const lines = linesOf(socket);
    const next = async () => (await lines().catch(() => undefined)) ?? fail('not-found', 'nobody waits for custodians there any more');
    const before = readLine(deskState, await next());
    if (share === undefined) return before;
    socket.write(spellLine({ share: share.reveal() }));
    const answer = readLine(z.union([deskState, refusal]), await next());
    if (!('error' in answer)) return answer;
    return fail(answer.error.code, answer.error.message, answer.error.evidence);
  } finally {
    socket.destroy();
  }
}

/** @throws `not-allowed` where others than the program that waits could have put the socket: they would have the share */
function requirePlace(path: string): void {
  const socket = lstatSync(path, { throwIfNoEntry: false });
  if (!socket?.isSocket()) return fail('not-found', 'no program waits for custodians there', { socket: path });
  const { uid, mode } = lstatSync(dirname(path));
  if ((uid !== 0 && uid !== socket.uid) || (mode & 0o022) !== 0)
    fail('not-allowed', 'others may have put this socket there: give no share to it', { folder: dirname(path) });
}
