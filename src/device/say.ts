/** How a device's person is told what goes on: one line at a time. */
export type Say = (line: string) => void;

/** What several visits of one command would repeat is said once. */
export function sayOnce(say: Say): Say {
  const said = new Set<string>();
  return (line) => {
    if (said.has(line)) return;
    said.add(line);
    say(line);
  };
}
