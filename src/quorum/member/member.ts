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

export type Question = Exclude<Ask, { op: 'cancel' }>;

/** @param self what the member's token says of itself right now */
export function reply(member: Member, ask: Question, self: Pick<View, 'sequence' | 'standing'>): Machine<Reply> {
  switch (ask.op) {
    case 'status':
      return status(member, ask);
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
      return stateLock(member, ask.place);
    case 'hello':
      return greet(member, ask, self);
  }
}
