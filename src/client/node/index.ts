/** What the client SDK gains under Node. */
export { nativeArgon2id } from './argon2id.ts';
export { fetchWith } from './fetch.ts';
export { memoFiles } from './memo-files.ts';
