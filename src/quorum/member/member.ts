/** A member: one vault node's voice. What it is asked, and the machine that answers. */
import type { Ask, Member, Reply } from '../ask.ts';
import type { Machine, View } from '../effects.ts';
import { activate } from './activate.ts';
import { answer, voteForAttempt } from './attempt.ts';
import { confirm } from './confirm.ts';
import { stateLock } from './lock.ts';
import { voteForRegistration } from './register.ts';
import { greet } from './rollback.ts';
import { status } from './status.ts';
import { tellWait } from './wait.ts';

export type Question = Exclude<Ask, { op: 'cancel' }>;

/** What the member's own driver knows, whoever asks. */
export interface Self extends Pick<View, 'sequence' | 'standing'> {
  /** Before a lock statement: how many other members' proofs of the slot were learnt just now (coordinator/lock.ts). */
  readonly heard: number;
  /** Enough others have told what they remember of all members since this one started. */
  readonly merged: boolean;
}

export function reply(member: Member, ask: Question, self: Self): Machine<Reply> {
  switch (ask.op) {
    case 'status':
      return status(member, ask);
    case 'wait':
      return tellWait(member, ask);
    case 'register-vote':
      return voteForRegistration(member, ask);
    case 'activate':
      return activate(member, ask.standing);
    case 'attempt-vote':
      return voteForAttempt(member, ask);
    case 'answer':
      return answer(member, ask);
    case 'confirm':
      return confirm(member, ask.confirmed);
    case 'lock':
      return stateLock(member, ask.place, self.heard);
    case 'hello':
      return greet(member, ask, self);
  }
}
