/** Finds the target (target.ts) that a person has spelled. */
import { resolve } from 'node:path';
import { fail } from '../base/errors.ts';
import { folderTarget } from './folder.ts';
import { s3Target } from './s3.ts';
import { type Settings, s3Settings } from './s3-settings.ts';
import type { Target } from './target.ts';

const S3 = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/;

/**
 * @param spelled a path, or `s3://BUCKET/PREFIX`
 * @param settings where credentials of S3 come from
 * @throws `path` for an s3: address that is none, `configuration` if there are no credentials
 */
export function openTarget(spelled: string, settings: Settings = s3Settings): Target {
  if (!spelled.startsWith('s3:')) return folderTarget(resolve(spelled));
  const match = S3.exec(spelled);
  if (match === null) return fail('path', `${spelled} is not of the form s3://BUCKET/PREFIX`);
  const prefix = (match[2] ?? '').replace(/\/+$/, '');
  return s3Target({ ...settings(), bucket: match[1] as string, prefix: prefix === '' ? '' : `${prefix}/` });
}
