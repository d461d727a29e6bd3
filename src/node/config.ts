/**
 * A node's configuration: one JSON file, read once at the start. Files in it are relative to its own folder. Each key says
 * what it is and what whoever controls it can at most do; docs/configuration.md is made from here and compared by a test.
 *
 * A node refuses to start over a configuration that is not whole, naming the key. The PIN is never in this file, in an argument
 * or in the environment: src/custody/pin.ts says where it comes from.
 */
import { z } from 'zod';
import { placeAt, tokenPlace } from '../custody/place.ts';
import { count, ms, port, readConfiguration, running, told, word } from '../files/configuration.ts';
import { FRESHNESS_MS } from '../trust/log-checks.ts';
import { DEFAULT_COOLING_OFF, DEFAULT_GUESS_DELAYS_MS, DEFAULT_LOCK_DELAY_MS, DEFAULT_TIMING } from './service.ts';

const DENY = 'deny service at this node';
const SEE = 'see who asks and when, and deny service at this node';

/** HTTPS anywhere, or HTTP to this machine. */
const keysUrl = z.url({ protocol: /^https?$/ }).refine((text) => {
  const { protocol, hostname } = URL.parse(text) ?? { protocol: '', hostname: '' };
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}, 'expected an https URL, or http to this machine');

const address = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$/, 'expected host:port');

const token = tokenPlace("this node's token", {
  module: 'run code in this node, and so what one share is worth: nothing alone',
  label: 'point to a token with other keys: the node then refuses to start',
  pin: 'with the token: use its keys without counting, and so what one share is worth: nothing alone',
  deny: DENY,
});

const publicListener = z.strictObject({
  host: told(word.default('0.0.0.0'), 'Address to listen on for clients.', DENY),
  port: told(port, 'Port to listen on for clients; 0 takes any free one.', DENY),
  tlsCertificateFile: told(word, 'PEM chain of the TLS certificate that clients see. Read again when it changes.', SEE),
  tlsKeyFile: told(word.optional(), 'PEM key of that TLS certificate. Without it: the TLS key in the token.', SEE),
  origins: told(
    z.array(z.url()).max(64).default([]),
    'Web origins whose pages may ask.',
    "let a page of theirs ask with a pass that it has; it still needs the person's client key",
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
});

const peerListener = z.strictObject({
  host: told(word.default('0.0.0.0'), 'Address to listen on for the other nodes.', DENY),
  port: told(port, 'Port to listen on for the other nodes; 0 takes any free one.', DENY),
  connectionsMax: told(count.default(512), 'Connections at one time; each of the other nodes may have an equal part of them.', DENY),
  strangersPerAddressMax: told(
    count.default(128),
    'Connections of one address (of IPv6, one /56) at one time that have not shown a TLS certificate of this fleet.',
    DENY,
  ),
  handshakeLimitMs: told(ms.default(5_000), 'Time to show a TLS certificate of this fleet.', DENY),
  requestLimitMs: told(ms.default(10_000), 'Time to send a request whole.', DENY),
});

const passes = z
  .strictObject({
    issuer: told(word, '`iss` of every pass.', 'have nobody let in; account ids follow from it, so another issuer has other accounts'),
    audience: told(word, '`aud` of every pass.', 'let in with passes that were made for another service'),
    tenant: told(z.string().min(1).max(64), "Whose accounts the issuer's are.", 'point to other accounts: no secret follows'),
    jwksFile: told(
      word.optional(),
      "File with the issuer's public keys (RFC 7517). Read at the start.",
      "log in as anyone: spend people's guesses visibly, announce replacements that owners can cancel",
    ),
    jwksUrl: told(
      keysUrl.optional(),
      "Where to fetch the issuer's public keys, in place of a file: at need, and when a key is unknown.",
      'as `passes.jwksFile`',
    ),
  })
  .refine(({ jwksFile, jwksUrl }) => (jwksFile === undefined) !== (jwksUrl === undefined), {
    message: 'expected either jwksFile or jwksUrl',
    path: ['jwksFile'],
  });

const timing = z
  .strictObject({
    limitMs: told(ms.default(DEFAULT_TIMING.limitMs), 'One whole conversation with the fleet for a client.', DENY),
    answerLingerMs: told(ms.default(DEFAULT_TIMING.answerLingerMs), 'How long to wait for the others once enough have answered.', DENY),
    recordLingerMs: told(ms.default(DEFAULT_TIMING.recordLingerMs), 'The same for what every node should take in.', DENY),
    peerLimitMs: told(ms.default(DEFAULT_TIMING.peerLimitMs), 'One call to another node.', DENY),
    rejoinIntervalMs: told(
      ms.default(DEFAULT_TIMING.rejoinIntervalMs),
      'How often a node that has just started asks whether its token was rolled back.',
      DENY,
    ),
    catchUpIntervalMs: told(
      ms.default(DEFAULT_TIMING.catchUpIntervalMs),
      'How often to ask each other node for changes.',
      'keep this node behind',
    ),
    dueIntervalMs: told(
      ms.default(DEFAULT_TIMING.dueIntervalMs),
      'How often to look for locks and for shares to erase.',
      'delay locks and erasures at this node',
    ),
    lockRetryMs: told(ms.default(DEFAULT_TIMING.lockRetryMs), 'How long to wait before seeking a lock again.', 'delay locks at this node'),
    lockDelayMs: told(
      ms.default(DEFAULT_LOCK_DELAY_MS),
      'How long after the last guess to seek a lock: a confirmation of that guess must have time to arrive.',
      'lock an account whose last guess was right; a lock takes as many nodes as a quorum has',
    ),
  })
  .prefault({});

const transparency = z.strictObject({
  rootFile: told(
    word,
    'The root.json that this node pins, of any version: it names the keys of release, log, witness, operator and third parties.',
    'with keys of his in it: have this node serve a bundle that no client accepts, and sign entries, only true ones, of his release keys',
  ),
  thirdParties: told(
    z.int().min(0).max(16).default(1),
    'How many different third parties must have cosigned a bundle that this node takes.',
    'have this node serve a bundle that clients refuse',
  ),
  freshnessMs: told(
    z.int().min(1).default(FRESHNESS_MS),
    'How old the cosignatures of a bundle may be that this node takes.',
    'have this node serve a bundle that clients refuse',
  ),
  intervalMs: told(
    ms.default(10_000),
    'How often to ask each other node for a newer bundle.',
    'keep an older bundle here; clients refuse it in time',
  ),
});

const seconds = z
  .int()
  .min(0)
  .max(365 * 86_400);

const config = z.strictObject({
  self: told(word, "This node's name in the fleet entry.", 'nothing: the token says which node it is, and another name is refused'),
  entryFile: told(
    word,
    'The fleet entry: one line of JSON.',
    'have this node refuse to start; what clients accept is the entry that they verified',
  ),
  dataDir: told(
    word,
    'Folder of the store. Made if missing.',
    'learn which accounts exist, and make this node refuse until it has caught up: no secret, no extra guess',
  ),
  token,
  public: publicListener,
  peer: peerListener,
  peers: told(
    z.record(word, address),
    'Peer listeners of the other nodes: name to host:port.',
    'deny service between nodes; none of another identity key is spoken to',
  ),
  passes,
  guessDelaysMs: told(
    z
      .array(z.int().min(0).max(86_400_000))
      .max(16)
      .default([...DEFAULT_GUESS_DELAYS_MS]),
    "The tenant's delays between guesses at a passcode: how long after one wrong guess, after two, ..., the next is counted; the last holds for all further. Empty: none.",
    'have this node count guesses sooner, or refuse them; the number of guesses stays, and delays take as many nodes as can stop a quorum',
  ),
  coolingOff: z
    .strictObject({
      minSeconds: told(
        seconds.default(DEFAULT_COOLING_OFF.minSeconds),
        "The tenant's least waiting time of a registration that the owner's key did not approve: members take none that asks for less.",
        'take registrations here that ask for less; a registration takes as many nodes as a quorum has',
      ),
      maxSeconds: told(
        seconds.default(DEFAULT_COOLING_OFF.maxSeconds),
        'The longest waiting time: nobody is kept out for longer by what somebody else registered.',
        'take registrations here that ask for more; a registration takes as many nodes as a quorum has',
      ),
    })
    .prefault({}),
  /** Fleet keys over the air. Without it the fleet's entry is pinned in its clients. */
  transparency: transparency.optional(),
  peerCalls: z
    .strictObject({
      connectionsMax: told(count.default(32), 'Connections to each other node.', DENY),
      inFlightMax: told(count.default(1024), 'Calls to each other node that run or wait.', DENY),
    })
    .prefault({}),
  timing,
  ...running('the node', { deny: DENY, see: 'see how many people use this node, and when' }),
});

export const configSchema = config;
export type Config = z.output<typeof config>;
/** As an operator writes it. */
export type ConfigFile = z.input<typeof config>;

/** @throws `configuration` naming file and key */
export function readConfig(file: string): Config {
  const { value, at } = readConfiguration(file, config);
  const { token: device, public: clients, passes: account, transparency: published, ...rest } = value;
  return {
    ...rest,
    entryFile: at(rest.entryFile),
    dataDir: at(rest.dataDir),
    token: placeAt(device, at),
    public: {
      ...clients,
      tlsCertificateFile: at(clients.tlsCertificateFile),
      ...(clients.tlsKeyFile && { tlsKeyFile: at(clients.tlsKeyFile) }),
    },
    passes: { ...account, ...(account.jwksFile && { jwksFile: at(account.jwksFile) }) },
    ...(published && { transparency: { ...published, rootFile: at(published.rootFile) } }),
  };
}
