/** A real S3-compatible store on a free port: OpenStack Swift, as Debian packages it (object-store.py). */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { AwsV4Signer } from 'aws4fetch';
import type { S3Settings } from '../../../src/backup/s3-settings.ts';
import { Secret } from '../../../src/base/secret.ts';

/** Debian's, whatever else is called python3. */
const PYTHON = '/usr/bin/python3';

export const storeInstalled = spawnSync(PYTHON, ['-c', 'import swift']).status === 0;

export interface ObjectStore extends AsyncDisposable {
  readonly settings: S3Settings;
  /** A signed request, for what the target does not do. Returns the answer's text. */
  ask(method: string, path: string): Promise<string>;
}

export async function startStore(): Promise<ObjectStore> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-swift-'));
  const script = join(import.meta.dirname, 'object-store.py');
  const child = spawn(PYTHON, [script, folder, 'test:tester', 'testing'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<never>((_, reject) => child.once('exit', (code) => reject(new Error(`the object store ended with ${code}`))));
  ended.catch(() => undefined);
  const port = new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve));
  const settings = {
    endpoint: new URL(`http://127.0.0.1:${await Promise.race([port, ended])}`),
    region: 'us-east-1',
    accessKeyId: 'test:tester',
    secretAccessKey: new Secret('testing'),
  };
  return {
    settings,
    async ask(method, path) {
      const url = new URL(path, settings.endpoint).href;
      const headers = { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
      const request = await new AwsV4Signer({ method, url, headers, service: 's3', ...settings, secretAccessKey: 'testing' }).sign();
      return (await fetch(request.url, { method, headers: request.headers })).text();
    },
    async [Symbol.asyncDispose]() {
      // It ends when its standard input does.
      child.stdin.end();
      await ended.catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
