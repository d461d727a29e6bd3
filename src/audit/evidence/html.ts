/**
 * HTML and XML by templates in which every value is escaped: what an entry says (names, regions, recipes) is data of whoever made
 * it and must not become markup (attack: a region that is a script).
 */

/** Markup that is made here. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Markup | readonly Value[];

const ESCAPED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function spell(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(spell).join('');
  // XML allows no control characters, however they are spelled.
  return String(value)
    .replace(/\p{Cc}/gu, (one) => (one === '\n' ? one : ' '))
    .replace(/[&<>"']/g, (one) => ESCAPED[one] as string);
}

export function markup(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(strings.map((one, i) => one + (i < values.length ? spell(values[i] as Value) : '')).join(''));
}

export function lines<T>(items: readonly T[], one: (item: T) => Markup): Markup {
  return new Markup(items.map((item) => one(item).text).join('\n'));
}

/** Colours for light and dark, by the reader's own choice; wide tables scroll by themselves. */
const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#767676, #8f8f8f); --ground: light-dark(#f4f4f4, #222); --bad: light-dark(#a40000, #ff9b9b); --good: light-dark(#0b5f1d, #8fdc9f); }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { line-height: 1.2; }
code, pre { font: 0.875rem/1.5 ui-monospace, monospace; }
pre { background: var(--ground); padding: 0.5rem 0.75rem; overflow-x: auto; }
td code, dd code { overflow-wrap: anywhere; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid var(--line); }
dt { font-weight: bold; }
.warning { border: 3px solid var(--bad); padding: 0 1rem; }
.bad { color: var(--bad); font-weight: bold; }
.good { color: var(--good); font-weight: bold; }
`;

export interface Page {
  readonly title: string;
  readonly body: Markup;
  /** Of the content security policy, where more than style is wanted. */
  readonly policy?: string;
  /** Beside the title. */
  readonly head?: Markup;
}

/** A page that loads nothing from anywhere, and is whole without scripts. */
export function htmlPage({ title, body, policy, head = new Markup('') }: Page): string {
  const style = new Markup(STYLE);
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy ?? "default-src 'none'; style-src 'unsafe-inline'"}">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${style}</style>
${head}
</head>
<body>
${body}
</body>
</html>
`.text;
}
