/** A mutant: the product with one rule broken. The tests must fail on every one (CONTRIBUTING.md, "Mutants"). */

export interface Mutant {
  /** What the broken product does. */
  readonly name: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Where a test of the rule stands; by default the protocol's tests, then the simulation. */
  readonly tests?: readonly string[];
}

type Row = readonly [name: string, find: string, replace: string];

/** Mutants of one file. */
export function mutants(file: string, rows: readonly Row[], tests?: readonly string[]): readonly Mutant[] {
  return rows.map(([name, find, replace]) => ({ name, file, find, replace, ...(tests && { tests }) }));
}
