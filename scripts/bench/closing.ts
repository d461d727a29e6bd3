/** What must not outlive the bench: processes and temporary folders, closed in reverse order, also when it is interrupted. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Close = () => unknown;

const open = new Set<Close>();

/** @returns closes it now; later is then too late */
export function closing(close: Close): () => Promise<void> {
  open.add(close);
  return async () => {
    if (open.delete(close)) await close();
  };
}

export async function closeAll(): Promise<void> {
  for (const close of [...open].reverse()) {
    open.delete(close);
    await close();
  }
}

export function temporaryFolder(): { folder: string; remove: () => Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  return { folder, remove: closing(() => rmSync(folder, { recursive: true, force: true })) };
}
