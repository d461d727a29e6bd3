/** Puts a log together from its section of the configuration, and keeps its cosignatures fresh. Called by main.ts. */
import type { Logger } from 'pino';
import { utf8 } from '../../base/bytes.ts';
import { fail, HoldfastError } from '../../base/errors.ts';
import type { Parts } from '../../base/parts.ts';
import type { Clock } from '../../base/ports.ts';
import { readNamed } from '../../files/configuration.ts';
import type { Files } from '../../files/files.ts';
import { COSIGNATURE_KEY, parseVkey } from '../../log/vkey.ts';
import { verifyP256 } from '../../vault/unlock.ts';
import type { Config } from '../config.ts';
import type { Cosigner } from '../cosigner.ts';
import type { WitnessToken } from '../keys.ts';
import { ThirdParties, type ThirdParty } from '../third-parties.ts';
import { readCertificates } from './attestation.ts';
import { KeptLog } from './log.ts';
import { LogRoots } from './roots.ts';

type LogConfig = NonNullable<Config['log']>;

export interface Surroundings {
  readonly token: WitnessToken;
  readonly cosigner: Cosigner;
  readonly files: Files;
  readonly clock: Clock;
  readonly trace: Logger;
  readonly onFailure: (error: unknown) => void;
}

/** @throws `configuration` naming the key; `alarm` for a log that is not the one that was signed */
export async function openLog(config: LogConfig, around: Surroundings, parts: Parts): Promise<KeptLog> {
  const { token, cosigner, files, clock, trace, onFailure } = around;
  const { keys } = token;
  const vkey = keys.log ?? fail('configuration', 'log: the token has no key for it');
  const roots = new LogRoots(config.rootsDir, keys, (why) => trace.error({ why }, 'a root that was put there is not followed'));
  if (roots.newest.expires <= clock()) trace.warn({ version: roots.newest.version }, 'the roots have expired: clients register nothing');
  const thirdParties = parts.add(new ThirdParties(config.witnesses.map(thirdParty), config.cosigningLimitMs, trace), (it) => it.close());
  const authority = config.evidenceAuthorityFile && readNamed(config.evidenceAuthorityFile, 'log.evidenceAuthorityFile');
  const evidence = { bytesMax: config.evidenceBytesMax, limitMs: config.evidenceLimitMs, authority };
  const { measurements } = config;
  const attestationRoots = new Map(config.attestationRoots.map(({ format, file }) => [format, rootsIn(file)]));
  const log = parts.add(
    await KeptLog.open({
      vkey,
      sign: token.signAsLog,
      roots,
      cosigner,
      thirdParties,
      files,
      clock,
      verify: verifyP256,
      measurements,
      attestationRoots,
      evidence,
      onFailure,
    }),
    (it) => it.idle(),
  );
  const refresh = () =>
    log
      .refresh()
      .catch((error: unknown) => trace.warn({ why: error instanceof Error ? error.message : 'unknown' }, 'cosigning anew failed'));
  void refresh();
  parts.add(
    setInterval(() => void refresh(), config.cosignIntervalMs),
    (it) => clearInterval(it),
  );
  return log;
}

function rootsIn(file: string): ReturnType<typeof readCertificates> {
  try {
    return readCertificates(utf8(readNamed(file, 'log.attestationRoots')));
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === 'configuration') throw error;
    return fail('configuration', `log.attestationRoots: ${file}: ${error.message}`, error.evidence, error);
  }
}

function thirdParty({ vkey: text, url, authorityFile }: LogConfig['witnesses'][number]): ThirdParty {
  const vkey = parseVkey(text);
  if (vkey.type !== COSIGNATURE_KEY) fail('configuration', 'log.witnesses: expected vkeys of type 0x04', { got: vkey.name });
  return { vkey, url, authority: authorityFile && readNamed(authorityFile, 'log.witnesses') };
}
