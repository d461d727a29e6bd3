/** A configuration's schema as the table that its document shows. */
import { z } from 'zod';

interface Described {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Described>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly atMost?: string;
}

function* rows(of: Described, prefix: string): Generator<string> {
  for (const [name, key] of Object.entries(of.properties ?? {})) {
    if (key.description === undefined) yield* rows(key, `${prefix}${name}.`);
    else {
      const presence = of.required?.includes(name)
        ? 'required'
        : key.default === undefined
          ? 'optional'
          : `\`${JSON.stringify(key.default)}\``;
      const kind = key.enum === undefined ? key.type : key.enum.map((word) => `\`${word}\``).join(', ');
      yield `| \`${prefix}${name}\` | ${kind} | ${presence} | ${key.description} | ${key.atMost} |`;
    }
  }
}

export function configurationTable(schema: z.ZodType): string {
  return `| key | type | default | what it is | who controls it can at most |
|---|---|---|---|---|
${[...rows(z.toJSONSchema(schema, { io: 'input' }) as Described, '')].join('\n')}`;
}
