/**
 * The operator's configuration for `holdfast fleet publish`, `refresh` and `retire`: one JSON file. Files in it are relative to
 * its own folder. It names tokens and files, and holds no secret itself. Each key says what whoever controls it can at most do;
 * the table in docs/operator.md is made from here and compared by a test.
 */
import { z } from 'zod';
import { id } from '../api/values.ts';
import { placeAt, tokenPlace } from '../custody/place.ts';
import { readConfiguration, told } from '../files/configuration.ts';
import { VALID_DAYS_MAX } from './draft.ts';

const word = z.string().min(1).max(255);
const https = z.url({ protocol: /^https$/ }).max(255);

const DENY = 'keep this operator from publishing';
const COUNTERSIGN = 'countersign as this operator: nothing that clients accept without the witness and a third party';
const ENTRY = 'have an entry made that says so: the nodes sign only what is true of them, and the witness checks the rest';

const place = tokenPlace('that token', { module: ENTRY, label: DENY, pin: ENTRY, deny: DENY });

const fleet = z.strictObject({
  transcript: word,
  measurements: z
    .array(z.strictObject({ digest: id, rebuild: word }))
    .max(16)
    .default([]),
  evidence: z
    .array(z.strictObject({ about: word, url: z.url().max(255), file: word }))
    .max(64)
    .default([]),
});

const config = z.strictObject({
  stateDir: told(
    word,
    'Folder of what must not be forgotten between commands: what was handed to the log, and what was seen of it. Keep a copy.',
    'have an entry of his taken for one of ours, and countersigned',
  ),
  rootsDir: told(word, 'Folder with `<version>.root.json`, from the first, which clients pin, to the newest.', DENY),
  token: tokenPlace("the token with the operator's cosigning key (`holdfast-operator`)", {
    module: `run code in this command, and so ${COUNTERSIGN}`,
    label: DENY,
    pin: `with the token: ${COUNTERSIGN}`,
    deny: DENY,
  }),
  release: told(
    z
      .array(place.safeExtend({ key: word.default('holdfast-release') }))
      .min(1)
      .max(16),
    'Where release keys are: each as `token`, and `key`, its label. As many are used as the roots want.',
    'with the tokens: sign entries, which nodes and witness still judge',
  ),
  tls: z
    .strictObject({
      certificateFile: told(word, 'PEM of a TLS certificate for the TLS key that the witness knows this operator by.', DENY),
      keyFile: told(word.optional(), 'PEM of that TLS key.', 'have entries judged by the witness, and submit what the release keys signed'),
      token: told(
        place.optional(),
        "In place of `keyFile`: as `token`, one that holds the TLS key (`holdfast-tls`) and nothing else: OpenSSL's engine finds none beside an Ed25519 key.",
        'as `tls.keyFile`',
      ),
    })
    .refine((tls) => (tls.keyFile === undefined) !== (tls.token === undefined), 'expected either keyFile or token'),
  witness: z.strictObject({
    url: told(https, 'Where the log is read.', `${DENY}; a log that is not the one seen before is noticed`),
    operatorUrl: told(https, 'The listener of the witness for its operator.', DENY),
    authorityFile: told(word.optional(), 'TLS authority of both, where the system does not know it.', DENY),
  }),
  nodesAuthorityFile: told(word.optional(), "TLS authority of the nodes' addresses, where the system does not know it.", DENY),
  thirdParties: told(
    z.int().min(0).max(16).default(1),
    'How many third parties must have cosigned before a bundle goes to the nodes: what clients want.',
    'have a bundle handed out that clients refuse',
  ),
  validDays: told(z.int().min(1).max(VALID_DAYS_MAX).default(180), 'How long an entry is valid.', ENTRY),
  fleets: told(
    z.array(fleet).min(1).max(32),
    'Each with `transcript`, the file of the ceremony that made it: its keys come from there and nowhere else; `measurements` (`digest`, `rebuild`) of code it may run; ' +
      '`evidence` (`about`, `file`, and `url` where it is published).',
    ENTRY,
  ),
  cosignaturesLimitMs: told(z.int().min(1).max(3_600_000).default(60_000), "For cosignatures to come in after the operator's own.", DENY),
});

export const operatorConfigSchema = config;
export type OperatorConfig = z.output<typeof config>;
/** As it is written. */
export type OperatorConfigFile = z.input<typeof config>;

/** @throws `configuration` naming file and key */
export function readOperatorConfig(file: string): OperatorConfig {
  const { value, at } = readConfiguration(file, config);
  const { token: device, release, tls, witness, nodesAuthorityFile, fleets, ...rest } = value;
  return {
    ...rest,
    stateDir: at(rest.stateDir),
    rootsDir: at(rest.rootsDir),
    token: placeAt(device, at),
    release: release.map((one) => placeAt(one, at)),
    tls: {
      certificateFile: at(tls.certificateFile),
      ...(tls.keyFile && { keyFile: at(tls.keyFile) }),
      ...(tls.token && { token: placeAt(tls.token, at) }),
    },
    witness: { ...witness, ...(witness.authorityFile && { authorityFile: at(witness.authorityFile) }) },
    ...(nodesAuthorityFile && { nodesAuthorityFile: at(nodesAuthorityFile) }),
    fleets: fleets.map((one) => ({
      ...one,
      transcript: at(one.transcript),
      evidence: one.evidence.map((item) => ({ ...item, file: at(item.file) })),
    })),
  };
}
