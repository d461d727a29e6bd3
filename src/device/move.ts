/**
 * Moving to a newer fleet: the key is recovered from the old one, registered in the one that takes registrations, recovered from
 * there to see that it is the same, and only then deleted from the old one. Nothing is remembered between the steps but what the
 * fleets themselves hold and the clients' memos, so a move that was interrupted anywhere is simply run again. In between both
 * fleets hold the key under the same passcode: either opens it, and each has its own ten guesses.
 */
import { loadHeader, saveHeader } from '../backup/beside.ts';
import type { Deposit } from '../backup/header.ts';
import { type BackupKey, recipientOf } from '../backup/key.ts';
import { equalBytes, type Id } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { ownerOf } from '../client/open.ts';
import type { VaultClient } from '../client/vault-client.ts';
import { DEFAULT_KDF } from '../vault/kdf.ts';
import type { Registration } from '../vault/registration.ts';
import { PASSCODE, RECOVERY_CODE, SINGLE_WAYS, type WayIn } from '../vault/slot.ts';
import { expectDeposited, makeNote } from './deposited.ts';
import type { DeviceHome } from './home.ts';
import { nameOf } from './names.ts';
import { spellOwner } from './owner.ts';
import { type Ask, askOnce, type RecoveredKey, readInput, recoverKey } from './recovery.ts';
import { type Say, sayOnce } from './say.ts';
import { depositAt } from './session.ts';
import { type Visit, visit } from './visit.ts';

export interface AskedWays {
  readonly passcode?: Ask;
  readonly recoveryCode?: Ask;
}

export interface Move {
  readonly way: 'passcode' | 'recovery-code';
  readonly from: Id;
  readonly to: Id;
  /** False: the person did not bring this way in, so it stays where it is, and opens only what is there. */
  readonly done: boolean;
}

/**
 * Out of every fleet of the entry that is not retired and does not take registrations.
 * @returns nothing when no other fleet holds anything of this account; then nobody was asked for anything
 * @throws what recovering and depositing throw; `not-allowed` when the newer fleet holds another key already
 */
export function moveKey(home: DeviceHome, ask: AskedWays, tell: Say): Promise<readonly Move[]> {
  const say = sayOnce(tell);
  const asks = {
    ...(ask.passcode && { passcode: askOnce(ask.passcode) }),
    ...(ask.recoveryCode && { recoveryCode: askOnce(ask.recoveryCode) }),
  };
  const from = (target: Visit, fleet: Id) => visit(home, say, (source) => moveFrom(home, source, target, asks, say), fleet);
  const all = async (target: Visit) => {
    const others = target.entry.fleets.filter(({ state, fleet }) => state !== 'retired' && fleet.id !== target.client.fleet);
    const moves: Move[] = [];
    target.client.requireRegistering();
    for (const { fleet } of others) moves.push(...(await from(target, fleet.id)));
    return moves;
  };
  return visit(home, say, all, 'active');
}

async function moveFrom(home: DeviceHome, source: Visit, target: Visit, asks: AskedWays, say: Say): Promise<readonly Move[]> {
  const moves: Move[] = [];
  const moved: { readonly way: WayIn; readonly found: RecoveredKey }[] = [];
  for (const { way, ask } of [
    { way: PASSCODE, ask: asks.passcode },
    { way: RECOVERY_CODE, ask: asks.recoveryCode },
  ]) {
    if (!(await holds(source.client, way))) continue;
    const kind = way.kind === 'recovery-code' ? 'recovery-code' : 'passcode';
    moves.push({ way: kind, from: source.client.fleet, to: target.client.fleet, done: ask !== undefined });
    if (ask !== undefined) moved.push({ way, found: await copy(source.client, target.client, way, ask, say) });
  }
  const [first] = moved;
  if (first === undefined) return moves;
  // From here on this device's backups name the new place; before, a crash leaves them naming the old one, which still holds the key.
  await home.save({ ...source.profile, backup: depositAt(target, first.found.recipient), owner: spellOwner(first.found.key) });
  for (const { way, found } of moved) {
    say(`deleting what your ${nameOf(way)} opens in the old fleet`);
    const outcome = await source.client.remove(way, { authority: found.authority, movedTo: target.client.fleet });
    expectDeposited(outcome);
  }
  return moves;
}

async function holds(client: VaultClient, way: WayIn): Promise<boolean> {
  const { registration } = await client.status(way);
  return registration?.core.tombstone === false;
}

/** The key is in both fleets afterwards, seen to be the same. */
async function copy(source: VaultClient, target: VaultClient, way: WayIn, ask: Ask, say: Say): Promise<RecoveredKey> {
  const found = await recoverKey(source, { way, ask }, say);
  if (!(await holds(target, way))) {
    say(`depositing it with the new fleet under the same ${nameOf(way)}`);
    const note = makeNote(found.recipient);
    const { policy } = found.authority.registration.core;
    const kdf = way.kind === 'passcode' ? DEFAULT_KDF : ({ kind: 'none' } as const);
    const outcome = await target.deposit(way, found.key, readInput(way, await ask()), { note, policy, kdf });
    // What an interrupted move had begun is as good: whether it is the same key shows next.
    expectDeposited(outcome, outcome.kind === 'deposited' ? outcome.note : note);
  }
  const there = await recoverKey(target, { way, ask }, say);
  if (there.recipient !== found.recipient) {
    fail('not-allowed', `the new fleet holds another backup key under your ${nameOf(way)}: nothing was moved, and nothing was deleted`, {
      old: found.recipient,
      new: there.recipient,
    });
  }
  return found;
}

/**
 * As `moveKey`, with the backup key in place of what a person types: it moves every way in that was made with it, and asks nobody.
 * @returns nothing when no other fleet holds anything of this account
 * @throws as `moveKey`
 */
export function moveWithKey(home: DeviceHome, key: BackupKey, tell: Say): Promise<readonly Move[]> {
  const say = sayOnce(tell);
  const from = (target: Visit, fleet: Id) => visit(home, say, (source) => carry(home, source, target, key, say), fleet);
  const all = async (target: Visit) => {
    const moves: Move[] = [];
    for (const { state, fleet } of target.entry.fleets) {
      if (state !== 'retired' && fleet.id !== target.client.fleet) moves.push(...(await from(target, fleet.id)));
    }
    return moves;
  };
  return visit(home, say, all, 'active');
}

async function carry(home: DeviceHome, source: Visit, target: Visit, key: BackupKey, say: Say): Promise<readonly Move[]> {
  const recipient = await recipientOf(key);
  const moves: Move[] = [];
  // The passcode first: no recovery code stands before it.
  for (const way of SINGLE_WAYS) {
    const { registration } = await source.client.status(way);
    if (registration === undefined || registration.core.tombstone) continue;
    await depositAgain(target.client, way, registration, key, makeNote(recipient), say);
    moves.push({
      way: way.kind === 'recovery-code' ? way.kind : 'passcode',
      from: source.client.fleet,
      to: target.client.fleet,
      done: true,
    });
  }
  if (moves.length === 0) return moves;
  await home.save({ ...source.profile, backup: depositAt(target, recipient), owner: spellOwner(key) });
  for (const { way } of moves) {
    say(`deleting what your ${nameOf(way === 'passcode' ? PASSCODE : RECOVERY_CODE)} opens in the old fleet`);
    const at = way === 'passcode' ? PASSCODE : RECOVERY_CODE;
    expectDeposited(await source.client.remove(at, { owner: ownerOf(key), movedTo: target.client.fleet }));
  }
  return moves;
}

/** What an interrupted move has deposited there already is as good, if it opens with the same passcode. */
async function depositAgain(target: VaultClient, way: WayIn, old: Registration, key: BackupKey, note: string, say: Say): Promise<void> {
  const there = (await target.status(way)).registration;
  if (there !== undefined && !there.core.tombstone) {
    if (equalBytes(there.core.unlockKey, old.core.unlockKey)) return;
    fail('not-allowed', `the new fleet holds something else under your ${nameOf(way)}: nothing was moved, and nothing was deleted`);
  }
  say(`depositing it with the new fleet under the same ${nameOf(way)}`);
  const outcome = await target.depositAgain(way, old, key, note);
  expectDeposited(outcome, outcome.kind === 'deposited' ? outcome.note : note);
}

export interface Renamed {
  readonly target: string;
  /** False: it is of another key, and stays as it was. */
  readonly done: boolean;
}

/** Has the headers beside backups name the fleet where the key is now. Restoring finds it without that too (places.ts). */
export async function renameBackups(home: DeviceHome, targets: readonly string[]): Promise<readonly Renamed[]> {
  const { backup } = await home.load();
  const renamed: Renamed[] = [];
  for (const target of targets) {
    const header = await loadHeader(target);
    const done = backup !== undefined && 'fleet' in header && isSameKey(header, backup);
    if (done && header.fleet !== backup.fleet) await saveHeader(target, backup);
    renamed.push({ target, done });
  }
  return renamed;
}

function isSameKey(header: Deposit, backup: Deposit): boolean {
  return header.slot === backup.slot && header.recipient === backup.recipient;
}
