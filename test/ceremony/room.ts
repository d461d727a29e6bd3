/** Rooms for tests: a rehearsal whose people can be told what to say. */
import { toBase64url } from '../../src/base/bytes.ts';
import { kindOf } from '../../src/ceremony/kinds.ts';
import type { Person } from '../../src/ceremony/people.ts';
import { exampleOf } from '../../src/ceremony/plans/templates.ts';
import type { Exception, Reply } from '../../src/ceremony/proceedings.ts';
import { RehearsalRoom } from '../../src/ceremony/rehearsal.ts';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');

/** Parameters as somebody would fill them in, and nothing random in them. */
export function exampleParameters(plan: string): Record<string, unknown> {
  const template = kindOf(plan).room?.template({ nodes: 3, softhsm: true, nowMs: NOW_MS });
  const example = exampleOf(template) as Record<string, unknown>;
  return 'pages' in example ? { ...example, pages: 2 } : example;
}

export class ScriptedRoom extends RehearsalRoom {
  /** Everything that was shown. */
  readonly shown: string[] = [];
  /** Every statement that was confirmed, by whom. */
  readonly asked: { readonly by: Person; readonly statement: string }[] = [];
  /** Says no to the first statement that fits, once. */
  refuse: RegExp | undefined;
  /** Told before the first statement that fits is confirmed, once. */
  exception: { readonly at: RegExp; readonly told: Exception } | undefined;
  /** What is said when something is not as it must be. */
  excused: Exception | undefined;

  override say(text = ''): void {
    this.shown.push(text);
  }

  override async confirm(by?: Person, statement = ''): Promise<Reply> {
    if (by !== undefined) this.asked.push({ by, statement });
    if (this.refuse?.test(statement)) {
      this.refuse = undefined;
      return { confirmed: false, told: [] };
    }
    if (this.exception?.at.test(statement)) {
      const { told } = this.exception;
      this.exception = undefined;
      return { confirmed: true, told: [told] };
    }
    return { confirmed: true, told: [] };
  }

  override async excuse(): Promise<undefined> {
    return this.excused as undefined;
  }

  keyOf(name: string): string {
    return this.handOf(name).key;
  }
}

export const aKey = toBase64url(new Uint8Array(32).fill(1));
