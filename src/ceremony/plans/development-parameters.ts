/** What is chosen before a development fleet is made, as the first line of its transcript keeps it. */
import { z } from 'zod';
import { fail } from '../../base/errors.ts';

const port = z.int().min(1).max(65_535);
const second = z.iso.datetime({ precision: 0 });
const word = z.string().min(1).max(255);

const node = z.strictObject({ name: word, region: word, operator: word, url: word, publicPort: port, peerPort: port, metricsPort: port });

const parameters = z.strictObject({
  namespace: word,
  /** Whose accounts there are. */
  tenant: z.string().min(1).max(64),
  quorum: z.int().min(2).max(7),
  validFrom: second,
  validUntil: second,
  /** Pages of counters, per node. */
  pages: z.int().min(1),
  nodes: z.array(node).refine(({ length }) => [3, 5, 7].includes(length), 'a fleet has 3, 5 or 7 nodes'),
  accountsPort: port,
  /** Of the log's witness and of the third party, in a fleet whose keys come over the air. */
  overTheAir: z.strictObject({ witnessPort: port, operatorPort: port, thirdPartyPort: port }).exactOptional(),
});

export type DevelopmentParameters = z.output<typeof parameters>;
export type DevelopmentNode = z.output<typeof node>;

/** @throws `malformed` */
export function readParameters(value: unknown): DevelopmentParameters {
  const read = parameters.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return fail('malformed', `the parameters of the ceremony: ${issue?.path.join('.')}: ${issue?.message}`);
}
