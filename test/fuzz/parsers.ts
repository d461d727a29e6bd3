/** Every parser of bytes from outside, by the name of its folder in corpus/. */
import type { Parser } from './parser.ts';
import { api } from './parsers/api.ts';
import { backup } from './parsers/backup.ts';
import { files } from './parsers/files.ts';
import { log } from './parsers/log.ts';
import { people } from './parsers/people.ts';
import { trust } from './parsers/trust.ts';
import { wire } from './parsers/wire.ts';

export const parsers: Readonly<Record<string, Parser>> = { ...wire, ...api, ...log, ...trust, ...backup, ...people, ...files };
