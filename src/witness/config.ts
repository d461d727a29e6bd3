/**
 * A witness's configuration: one JSON file, read once at the start. Files in it are relative to its own folder. Each key
 * says what it is and what whoever controls it can at most do; the table in docs/witness.md is made from here and compared
 * by a test. With the section `log` the witness keeps a log of its own; without it, it cosigns the logs of others.
 *
 * A witness refuses to start over a configuration that is not whole, naming the key.
 */
import { z } from 'zod';
import { toId } from '../base/bytes.ts';
import { labelledPlace, placeAt, tokenPlace } from '../custody/place.ts';
import { count, ms, port, readConfiguration, running, told, word } from '../files/configuration.ts';
import { isSafeUrl } from './safe-url.ts';

const digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits')
  .transform(toId);
/** signed-note: neither white space nor a plus. */
const keyName = z.string().regex(/^[^\s+\p{Cc}]{1,255}$/u, 'expected a name without white space and plus');
const vkey = z.string().min(1).max(512);

const DENY = 'deny service at this witness';
const SEE = 'see who reads and when, and deny service at this witness';
const ALONE = 'sign checkpoints of one side: nothing that clients accept without the operator and a third party';

const url = z.url({ protocol: /^https?$/ }).refine(isSafeUrl, 'expected an https URL, or http to this machine');

const token = tokenPlace("this witness's token", {
  module: `run code in this witness, and so ${ALONE}`,
  label: 'point to a token with other keys: the roots name other ones, and the start is refused',
  pin: `with the token: ${ALONE}`,
  deny: DENY,
});

const publicListener = z
  .strictObject({
    host: told(word.default('0.0.0.0'), 'Address to listen on for everyone.', DENY),
    port: told(port, 'Port to listen on for everyone; 0 takes any free one.', DENY),
    tlsCertificateFile: told(word, 'PEM chain of the TLS certificate that both listeners show. Read again when it changes.', SEE),
    tlsKeyFile: told(word.optional(), 'PEM key of that TLS certificate; `setup` makes it if it is not there.', SEE),
    tlsToken: told(
      labelledPlace('that token', { module: SEE, label: SEE, pin: SEE, deny: DENY }).optional(),
      'In place of `tlsKeyFile`: `label` and `pin` (or `pinFile`), as in `token`, of a token of the same module that holds the TLS key and nothing else.',
      SEE,
    ),
    proxies: told(
      z.int().min(0).max(8).default(0),
      'Proxies in front of this listener whose X-Forwarded-For counts.',
      'escape or misdirect the rate limit',
    ),
    requestsPerMinute: told(count.default(600), 'Requests that one address may make in a minute.', 'deny service, or allow a flood'),
    connectionsMax: told(count.default(1024), 'Connections at one time.', DENY),
    connectionsPerAddressMax: told(
      count.default(128),
      'Connections of one address (of IPv6, one /56) at one time. Does not count with `proxies`.',
      DENY,
    ),
    requestLimitMs: told(ms.default(10_000), 'Time to send a request whole.', DENY),
  })
  .refine(({ tlsKeyFile, tlsToken }) => (tlsKeyFile === undefined) !== (tlsToken === undefined), {
    message: 'expected either tlsKeyFile or tlsToken',
    path: ['tlsKeyFile'],
  });

const operatorListener = z.strictObject({
  host: told(word.default('0.0.0.0'), 'Address to listen on for the operator.', DENY),
  port: told(port, 'Port to listen on for the operator; 0 takes any free one.', DENY),
  clients: told(
    z.array(digest).min(1).max(16),
    "Who may submit: SHA-256 of the SubjectPublicKeyInfo of each of the operator's TLS keys, in hex.",
    'submit entries, which count only if the release keys signed them',
  ),
  connectionsMax: told(count.default(64), 'Connections at one time.', DENY),
});

const otherWitness = z.strictObject({ vkey, url, authorityFile: word.optional() });

const log = z.strictObject({
  origin: told(
    keyName,
    'Origin of the log, and the name of its key: a URL without scheme, where it can be read.',
    'have the start refused: the roots name the origin',
  ),
  rootsDir: told(
    word,
    'Folder with `<version>.root.json`, from the first one that this witness trusts to the newest.',
    'choose whose entries are admitted: clients accept none of a root that they do not reach from their own',
  ),
  operator: operatorListener,
  witnesses: told(
    z.array(otherWitness).max(16).default([]),
    'Third parties to ask for cosignatures: `vkey`, `url` (submission prefix) and, in development, `authorityFile` (TLS authority).',
    'have checkpoints without third parties: clients refuse them',
  ),
  measurements: told(
    z.array(digest).max(256).optional(),
    'Measurements of code that this witness knows. Without it any is admitted.',
    'admit code that this witness has not seen; it stands in the log for all to see',
  ),
  attestationRoots: told(
    z
      .array(z.strictObject({ format: word, file: word }))
      .max(16)
      .default([]),
    "Makers' roots, PEM in `file`, for attestations that entries give this `format` and that are chains of X.509. Others are not verified, only looked into for the key.",
    'have a key in software pass for one in a device: it stands in the log, with its attestation, for all to see',
  ),
  evidenceAuthorityFile: told(
    word.optional(),
    'TLS authority of the hosts of evidence, in development.',
    'have evidence fetched from a host of his: its digest is in the entry',
  ),
  evidenceBytesMax: told(z.int().min(1).max(10_000_000_000).default(256_000_000), 'Bytes of all evidence of one entry.', DENY),
  evidenceLimitMs: told(ms.default(60_000), 'Time to fetch all evidence of one entry.', DENY),
  cosigningLimitMs: told(
    ms.default(10_000),
    'Time for one third party to cosign.',
    'have checkpoints without third parties: clients refuse them',
  ),
  cosignIntervalMs: told(
    ms.default(6 * 3_600_000),
    'How often to cosign the checkpoint anew and ask third parties: clients want cosignatures of the last 14 days.',
    'let the cosignatures grow old: clients then register nothing',
  ),
});

const config = z.strictObject({
  name: told(
    keyName,
    'Name of the witness key in cosignatures: a URL without scheme.',
    'have the start refused, or be ignored: clients know name and key',
  ),
  keys: z
    .strictObject({
      witness: told(
        word.default('holdfast-witness'),
        'Label of the witness key in the token: another one when it is replaced.',
        'have the start refused: the roots name another key',
      ),
      log: told(
        word.default('holdfast-log'),
        'Label of the key of the log in the token: another one when it is replaced.',
        'have the start refused: the roots name another key',
      ),
    })
    .prefault({}),
  dataDir: told(
    word,
    'Folder of the log and of what was cosigned. Made if missing.',
    'make this witness refuse to start; with an older copy of it: see docs/witness.md',
  ),
  token,
  public: publicListener,
  log: log.optional(),
  witnessed: told(
    z
      .array(z.strictObject({ origin: keyName.optional(), vkey }))
      .max(256)
      .default([]),
    'Logs of others to cosign: `vkey` (type 0x01) and, when it is not the name in it, `origin`. While a log replaces its key both are named; afterwards the new one alone.',
    'have a log of his cosigned: that says only that it was seen as append-only',
  ),
  ...running('the witness', { deny: DENY, see: 'see how the log grows: it is public' }),
});

export const configSchema = config;
export type Config = z.output<typeof config>;
export type LogConfig = NonNullable<Config['log']>;
/** As it is written. */
export type ConfigFile = z.input<typeof config>;

/** @throws `configuration` naming file and key */
export function readConfig(file: string): Config {
  const { value, at } = readConfiguration(file, config);
  const { token: device, public: all, log: kept, ...rest } = value;
  return {
    ...rest,
    dataDir: at(rest.dataDir),
    token: placeAt(device, at),
    public: {
      ...all,
      tlsCertificateFile: at(all.tlsCertificateFile),
      ...(all.tlsKeyFile && { tlsKeyFile: at(all.tlsKeyFile) }),
      ...(all.tlsToken && { tlsToken: placeAt(all.tlsToken, at) }),
    },
    ...(kept && { log: withPaths(kept, at) }),
  };
}

function withPaths(kept: LogConfig, at: (path: string) => string): LogConfig {
  const { evidenceAuthorityFile } = kept;
  return {
    ...kept,
    rootsDir: at(kept.rootsDir),
    witnesses: kept.witnesses.map((one) => ({ ...one, ...(one.authorityFile && { authorityFile: at(one.authorityFile) }) })),
    attestationRoots: kept.attestationRoots.map((one) => ({ ...one, file: at(one.file) })),
    ...(evidenceAuthorityFile && { evidenceAuthorityFile: at(evidenceAuthorityFile) }),
  };
}
