/**
 * Where an S3-compatible store is and who may write there, from the places that every S3 tool reads, in their order: the
 * environment, then the shared files of the AWS command line. Never from arguments: those are seen by every process.
 *
 *   AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN   else ~/.aws/credentials (AWS_SHARED_CREDENTIALS_FILE)
 *   AWS_REGION AWS_DEFAULT_REGION                               else `region`, else us-east-1
 *   AWS_ENDPOINT_URL_S3 AWS_ENDPOINT_URL                        else `endpoint_url`, else Amazon's for the region
 *   AWS_PROFILE                                                 the section of the files; `default`
 *
 * The files hold sections of `key = value` lines; ~/.aws/config (AWS_CONFIG_FILE) calls them `[profile NAME]`.
 * Whoever has these credentials can delete and replace backups; they cannot read them, nor make ones that open.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fail } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';

export interface S3Settings {
  /** Without a path. */
  readonly endpoint: URL;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret<string>;
  readonly sessionToken?: Secret<string>;
}

export type Settings = () => S3Settings;

/** @throws `configuration` */
export function s3Settings(env: NodeJS.ProcessEnv = process.env): S3Settings {
  const profile = env['AWS_PROFILE'] || 'default';
  const kept = {
    ...section(env['AWS_CONFIG_FILE'] || join(homedir(), '.aws', 'config'), profile === 'default' ? 'default' : `profile ${profile}`),
    ...section(env['AWS_SHARED_CREDENTIALS_FILE'] || join(homedir(), '.aws', 'credentials'), profile),
  };
  // All of one source: a secret of the environment does not go with a name of the file.
  const named = env['AWS_ACCESS_KEY_ID'];
  const accessKeyId = named || kept['aws_access_key_id'];
  const secret = named ? env['AWS_SECRET_ACCESS_KEY'] : kept['aws_secret_access_key'];
  const sessionToken = named ? env['AWS_SESSION_TOKEN'] : kept['aws_session_token'];
  if (!accessKeyId || !secret) {
    return fail('configuration', `S3 needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or them in ~/.aws/credentials under [${profile}]`);
  }
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || kept['region'] || 'us-east-1';
  const endpoint = env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'] || kept['endpoint_url'] || `https://s3.${region}.amazonaws.com`;
  return {
    endpoint: URL.parse(endpoint) ?? fail('configuration', `the S3 endpoint ${endpoint} is not a web address`),
    region,
    accessKeyId,
    secretAccessKey: new Secret(secret),
    ...(sessionToken ? { sessionToken: new Secret(sessionToken) } : {}),
  };
}

function section(file: string, name: string): Record<string, string> {
  const values: Record<string, string> = {};
  let within = false;
  for (const line of textOf(file).split(/\r?\n/)) {
    const heading = /^\[\s*(.+?)\s*\]/.exec(line);
    if (heading !== null) within = heading[1] === name;
    const pair = within ? /^([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line) : null;
    if (pair !== null) values[pair[1] as string] = pair[2] as string;
  }
  return values;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
