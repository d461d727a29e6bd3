/** The numbers of a witness, for Prometheus: its token, and of a witness that keeps a log what is in it and who cosigned it when. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Address, Listener } from './listen.ts';
import { metricsPage, servePages } from './metrics.ts';
import type { LogPort, WitnessPort } from './witness-ports.ts';

export function startWitnessMetrics(witness: WitnessPort, log: LogPort | undefined, address: Address): Promise<Listener> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames, registers: [registry] });
  const token = gauge('token_up', '1 while the token answers');
  const refreshLog = log && meterLog(log, gauge);
  const refresh = async (): Promise<void> => {
    token.set(witness.tokenState() === 'up' ? 1 : 0);
    refreshLog?.();
  };
  return servePages({ '/metrics': metricsPage(registry, refresh) }, address);
}

function meterLog(log: LogPort, gauge: (name: string, help: string, labelNames?: string[]) => Gauge): () => void {
  const entries = gauge('log_entries', 'Entries that were admitted');
  const published = gauge('log_published_entries', 'Entries of the checkpoint that is published');
  const cosigned = gauge('log_cosigned_timestamp_seconds', 'When each cosigner of the roots cosigned that checkpoint; 0: it did not', [
    'cosigner',
  ]);
  const refused = gauge('log_entries_refused', 'Entries that were refused since the start, by the first item of the policy they fail', [
    'item',
  ]);
  return () => {
    const numbers = log.numbers();
    entries.set(numbers.entries);
    published.set(numbers.published);
    cosigned.reset();
    for (const { name, seconds } of numbers.cosigned) cosigned.set({ cosigner: name }, seconds);
    for (const [item, count] of numbers.refused) refused.set({ item }, count);
  };
}
