/**
 * Where backups lie: a folder (folder.ts), or an S3-compatible store (s3.ts). Both keep one promise, which
 * test/backup/target.test.ts holds them to: what can be read under a name was written whole. So a backup that breaks off leaves
 * the one before it as it was.
 */

export interface Target {
  /** The folder, absolute, if it is one: a backup of a folder around it passes it over. */
  readonly folder?: string;
  /**
   * Replaces what is there once all of `bytes` is stored, and only then; if `bytes` or the store fails, nothing changes.
   * @param stored told how many bytes the store has taken; what it throws ends this, as a failure of `bytes` would
   */
  write(name: string, bytes: AsyncIterable<Uint8Array>, stored?: (bytes: number) => void): Promise<void>;
  /** Each chunk is good until the next is asked for. @throws `not-found` */
  read(name: string): AsyncIterable<Uint8Array>;
  exists(name: string): Promise<boolean>;
}
