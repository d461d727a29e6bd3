/** All mutants. test/house/mutants.test.ts keeps them in step with the code. */
import { ofConversations } from './conversations.ts';
import { ofLocks } from './locks.ts';
import { ofMembers } from './members.ts';
import type { Mutant } from './mutant.ts';
import { ofNodes } from './nodes.ts';

export const table: readonly Mutant[] = [...ofMembers, ...ofLocks, ...ofConversations, ...ofNodes];
