/**
 * A witness as it runs: token, folder, cosigner, log, listeners, put together from a configuration. Called by `holdfast witness
 * start`. It refuses to start over a folder that was not set up for the keys in the token, that another process works in, or
 * that holds a log that went back.
 */
import { pino } from 'pino';
import type { Id } from '../base/bytes.ts';
import { fail, HoldfastError } from '../base/errors.ts';
import { Parts } from '../base/parts.ts';
import { type Clock, systemClock } from '../base/ports.ts';
import { Files } from '../files/files.ts';
import type { TreeHead } from '../log/checkpoint.ts';
import { NOTE_KEY, parseVkey } from '../log/vkey.ts';
import { whenSpent } from '../token/index.ts';
import { fileCredentials } from '../web/credentials.ts';
import type { Address, Listener } from '../web/listen.ts';
import { startOperatorListener } from '../web/operator-listener.ts';
import { startWitnessListener } from '../web/witness-listener.ts';
import { startWitnessMetrics } from '../web/witness-metrics.ts';
import type { WitnessedLog } from './add-checkpoint.ts';
import type { Config } from './config.ts';
import { Cosigner } from './cosigner.ts';
import { openWitnessToken, type WitnessKeys } from './keys.ts';
import { openLog } from './log/open.ts';
import { memoryOf } from './memory.ts';
import { ownFolder } from './owner.ts';
import { requireSetUp } from './setup.ts';
import { openTlsKey } from './tls-key.ts';

export interface RunningWitness {
  /** The name in its cosignatures. */
  readonly name: string;
  /** As listened on: a port that was configured as 0 is known here. */
  readonly public: Address;
  /** Of a witness that keeps a log. */
  readonly operator?: Address;
  /** Resolves, with why, once only a new process can go on. */
  readonly spent: Promise<HoldfastError>;
  /** Takes nothing new, lets what runs finish within the configured time, then ends. */
  close(): Promise<void>;
}

/** @param stop ends the wait for custodians @throws `configuration` naming the key, `alarm` for a log that went back, and what the token refuses with */
export async function startWitness(config: Config, stop: AbortSignal, clock: Clock = systemClock): Promise<RunningWitness> {
  const parts = new Parts();
  try {
    return await assemble(config, stop, clock, parts);
  } catch (error) {
    await parts.close();
    throw error;
  }
}

async function assemble(config: Config, stop: AbortSignal, clock: Clock, parts: Parts): Promise<RunningWitness> {
  const trace = pino({ level: config.trace.level, base: { witness: config.name } }, pino.destination({ dest: 2, sync: true }));
  const token = parts.add(await openWitnessToken(config, { trace, stop }), (it) => it.close());
  const files = new Files(config.dataDir);
  const { keys, signAsWitness: sign } = token;
  await requireSetUp(files, keys);
  parts.add(await ownFolder(config.dataDir), (it) => it.release());
  const logs = logsOf(config, keys);
  const onInconsistent = (checkpoint: string, { size }: TreeHead, why: string) =>
    trace.warn(
      { checkpoint, cosigned: size, why },
      'a log signed a checkpoint that was not cosigned: keep it, it may be proof of two histories',
    );
  const cosigner = parts.add(
    new Cosigner({ vkey: keys.witness, sign, logs, files, memory: memoryOf(token), clock, onInconsistent }),
    (it) => it.idle(),
  );
  await cosigner.requireNotBehind();
  const stopped = Promise.withResolvers<HoldfastError>();
  const onFailure = (error: unknown) => {
    trace.error({ why: whyOf(error) }, 'the log stopped');
    stopped.resolve(new HoldfastError('alarm', `the log stopped: ${whyOf(error)}`));
  };
  const log = config.log && (await openLog(config.log, { token, cosigner, files, clock, trace, onFailure }, parts));

  const renewalFailed = (error: unknown) => trace.warn({ why: whyOf(error) }, 'TLS renewal failed');
  const tls = parts.add(await openTlsKey(config, { trace, stop }), (it) => it.close());
  const credentials = parts.add(await fileCredentials(config.public, tls.key, renewalFailed), (it) => it.stop());
  let stopByMs = 0;
  const closeListener = (it: Listener) => it.close(Math.max(0, stopByMs - clock()));
  const witness = {
    addCheckpoint: (body: string) => cosigner.addCheckpoint(body),
    monitored: (originHash: Id) => cosigner.monitored(originHash),
    tokenState: () => token.state,
  };
  const all = parts.add(
    await startWitnessListener(witness, log, { ...config.public, address: config.public, credentials, trace }),
    closeListener,
  );
  const { requestLimitMs } = config.public;
  const operator =
    config.log &&
    log &&
    parts.add(
      await startOperatorListener(log, { ...config.log.operator, address: config.log.operator, credentials, requestLimitMs, trace }),
      closeListener,
    );
  const metrics = config.metrics && parts.add(await startWitnessMetrics(witness, log, config.metrics), closeListener);
  trace.info(
    { public: all.address, metrics: metrics?.address, operator: operator?.address, cosigns: logs.map(({ origin }) => origin) },
    'started',
  );
  return {
    name: config.name,
    public: all.address,
    ...(operator && { operator: operator.address }),
    spent: Promise.race([stopped.promise, whenSpent([token, ...(tls.token === undefined ? [] : [tls.token])], 'witness', parts)]),
    close: async () => {
      trace.info({}, 'stopping');
      stopByMs = clock() + config.shutdownMs;
      await parts.close();
      trace.info({}, 'stopped');
    },
  };
}

/** @throws `configuration` when its own log is among those of others: it has one key at a time */
function logsOf({ witnessed }: Config, { log }: WitnessKeys): readonly WitnessedLog[] {
  const logs = new Map<string, WitnessedLog>(log === undefined ? [] : [[log.name, { origin: log.name, vkeys: [log] }]]);
  for (const { origin: named, vkey: text } of witnessed) {
    const vkey = parseVkey(text);
    if (vkey.type !== NOTE_KEY) fail('configuration', 'witnessed: expected vkeys of type 0x01', { got: vkey.name });
    const origin = named ?? vkey.name;
    if (origin === log?.name) fail('configuration', 'witnessed: the log of this witness is its own', { origin });
    logs.set(origin, { origin, vkeys: [...(logs.get(origin)?.vkeys ?? []), vkey] });
  }
  return [...logs.values()];
}

const whyOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown');
