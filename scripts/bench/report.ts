/** What the bench says: figures as JSON lines on stdout, progress for people on stderr. Every line names how loaded the machine was. */
import { cpus, loadavg } from 'node:os';

export type Figures = Readonly<Record<string, unknown>>;

export function report(bench: string, figures: Figures): void {
  const [load1 = 0] = loadavg();
  const line = { bench, ...figures, loadavg: round(load1), cores: cpus().length, time: new Date().toISOString() };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export function tell(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

/** To three significant digits: nothing here is known better. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}

/** @param values sorted or not @param part 0.5 for the median */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0);
}
