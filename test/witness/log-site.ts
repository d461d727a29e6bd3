/**
 * A whole log on this machine: a witness that keeps it and a third party, processes of their own on SoftHSM; around them what is
 * the operator's: roots, release keys, nodes' signatures, a TLS key, a cosigning key, and a web server with the evidence. The
 * test's copy of the tree is in `world`.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { type Id, utf8 } from '../../src/base/bytes.ts';
import { makeTlsCertificates } from '../../src/ceremony/certificates.ts';
import { cosign } from '../../src/log/cosignature.ts';
import { formatNote, parseNote } from '../../src/log/note.ts';
import { parseVkey } from '../../src/log/vkey.ts';
import { isoTime } from '../../src/trust/continuity.ts';
import type { SignedEntry } from '../../src/trust/signed-entry.ts';
import { spkiOf } from '../../src/web/peer-trust.ts';
import type { ConfigFile } from '../../src/witness/config.ts';
import { goodFleet, World } from '../trust/world.ts';
import { newPair } from '../web/fleet.ts';
import { addWitness, certify, makeSite, type Running, type SetUp, type Site, setUp, start } from './site.ts';

const DAY_MS = 86_400_000;
export const TRANSCRIPT = '{"step":"begin"}\n';
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex') as Id;

type Overrides = Parameters<World['entry']>[0];

export class LogSite {
  readonly world = new World();
  readonly site: Site;
  readonly keys: Readonly<Record<'keeper' | 'third', SetUp>>;
  /** As a client of the operator's listener, with his TLS key. */
  readonly operator: Agent;
  /** As anyone. */
  readonly anyone: Agent;
  /** What the web server has, by path. */
  readonly files: Map<string, string>;
  readonly evidenceUrl: string;
  readonly roots: string;
  readonly #closers: (() => unknown)[];
  keeper!: Running;
  third!: Running;
  #versions = 1;

  private constructor(
    parts: Pick<LogSite, 'site' | 'keys' | 'operator' | 'anyone' | 'evidenceUrl' | 'roots'>,
    files: Map<string, string>,
    closers: (() => unknown)[],
  ) {
    this.site = parts.site;
    this.keys = parts.keys;
    this.operator = parts.operator;
    this.anyone = parts.anyone;
    this.evidenceUrl = parts.evidenceUrl;
    this.roots = parts.roots;
    this.files = files;
    this.#closers = closers;
  }

  /** Set up, with the third party running and the log's witness not. */
  static async make(settings: Partial<NonNullable<ConfigFile['log']>> = {}): Promise<LogSite> {
    const site = makeSite();
    const tls = newPair();
    const spki = sha256(spkiOf(tls.publicKey));
    const log = { origin: 'log.witness.example/holdfast', rootsDir: 'roots', operator: { host: '127.0.0.1', port: 0, clients: [spki] } };
    addWitness(site, 'keeper', { name: 'witness.example', log, metrics: { port: 0 } });
    const keeper = setUp(site, 'keeper');
    addWitness(site, 'third', { name: 'third.example.net', witnessed: [{ vkey: keeper.log! }] });
    const third = setUp(site, 'third');
    const keys = { keeper, third };
    const authority = await certify(site, keys);
    const client = await makeTlsCertificates([{ name: 'operator', tlsKey: tls.publicKey }], Date.now() - DAY_MS, Date.now() + DAY_MS);
    const cert = client.servers.get('operator')!;
    const key = tls.privateKey.export({ format: 'pem', type: 'pkcs8' });
    const files = new Map<string, string>([['/transcript', TRANSCRIPT]]);
    const server = createServer((asked, response) => {
      const found = files.get(asked.url ?? '');
      if (found?.startsWith('redirect ')) response.writeHead(302, { location: found.slice('redirect '.length) }).end();
      else response.writeHead(found === undefined ? 404 : 200).end(found);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const evidenceUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const world = new World();
    const plan = { log: keeper.log!, witness: keeper.witness, thirdParties: [third.witness] };
    const roots = world.makeRoot(plan, [...world.operatorRoots, ...world.witnessRoots]);
    site.write('keeper/roots/1.root.json', roots);
    const agents = { operator: new Agent({ connect: { ca: authority, cert, key } }), anyone: new Agent({ connect: { ca: authority } }) };
    const made = new LogSite({ site, keys, ...agents, evidenceUrl, roots }, files, [
      () => agents.operator.destroy(),
      () => agents.anyone.destroy(),
      () => server.close(),
      () => server.closeAllConnections(),
      site.remove,
    ]);
    made.third = await start(site, 'third');
    const witnesses = [{ vkey: third.witness, url: made.third.url, authorityFile: '../ca.pem' }];
    made.configure({ ...log, witnesses, ...settings });
    return made;
  }

  configure(log: NonNullable<ConfigFile['log']>): void {
    const file = this.site.path('keeper', 'witness.json');
    this.site.write('keeper/witness.json', JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), log }));
  }

  /** The next root, signed by both sides, where the log's witness reads it. */
  rotate(plan: Parameters<World['rotate']>[0]): string {
    const { log, witness, third } = this.vkeys;
    const whole = { log: log.text, witness: witness.text, thirdParties: [third.text], ...plan };
    const { world } = this;
    const root = world.makeRoot({ ...whole, version: this.#versions + 1 }, [...world.operatorRoots, ...world.witnessRoots]);
    this.#versions += 1;
    this.site.write(`keeper/roots/${this.#versions}.root.json`, root);
    return root;
  }

  /** New keys for log and witness, made beside the old ones; the configuration names them from here on. */
  renewKeys(suffix: string): SetUp {
    const file = this.site.path('keeper', 'witness.json');
    const keys = { witness: `holdfast-witness-${suffix}`, log: `holdfast-log-${suffix}` };
    this.site.write('keeper/witness.json', JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), keys }));
    return setUp(this.site, 'keeper');
  }

  /** The third party, configured otherwise, on the port that it had. */
  async restartThird(change: (config: ConfigFile) => ConfigFile): Promise<void> {
    await this.third.stop();
    const config = JSON.parse(readFileSync(this.site.path('third', 'witness.json'), 'utf8')) as ConfigFile;
    const port = Number(new URL(this.third.url).port);
    this.site.write('third/witness.json', JSON.stringify(change({ ...config, public: { ...config.public, port } })));
    this.third = await start(this.site, 'third');
  }

  async startKeeper(): Promise<Running> {
    this.keeper = await start(this.site, 'keeper');
    return this.keeper;
  }

  /** The next entry, whose evidence the web server has: signed by all, for a fleet in simulated tokens. */
  next(overrides: Overrides = {}): Promise<SignedEntry> {
    const now = Date.now();
    const fleet = goodFleet();
    const nodes = fleet.nodes.map((node) => ({ ...node, token: { ...node.token, simulated: true } }));
    const evidence = [{ about: 'ceremony transcript', digest: sha256(utf8(TRANSCRIPT)), url: `${this.evidenceUrl}/transcript` }];
    const times = {
      validFrom: isoTime(Math.floor(now / 1000 - 3600) * 1000),
      validUntil: isoTime(Math.floor(now / 1000 + 30 * 86_400) * 1000),
    };
    return this.world.sign(this.world.entry({ ...times, fleets: [{ ...fleet, nodes, evidence }], ...overrides }));
  }

  async submit(text: string, by: Agent = this.operator) {
    const { statusCode, body } = await request(`${this.keeper.operatorUrl}/entries`, { method: 'POST', body: text, dispatcher: by });
    return { status: statusCode, ...((await body.json()) as Reply) };
  }

  /** Submits the next entry, which must be admitted, and keeps it in the test's copy. */
  async admit(overrides: Overrides = {}): Promise<SignedEntry> {
    const signed = await this.next(overrides);
    const { status, error } = await this.submit(signed.text);
    if (status !== 200) throw new Error(`${error?.message}`);
    this.world.append(signed);
    return signed;
  }

  async get(path: string, from = this.keeper) {
    const { statusCode, headers, body } = await request(`${from.url}${path}`, { dispatcher: this.anyone });
    return { status: statusCode, headers, bytes: Buffer.from(await body.arrayBuffer()) };
  }

  async checkpoint(): Promise<string> {
    return (await this.get('/checkpoint')).bytes.toString('utf8');
  }

  /** Cosigns the published checkpoint as the operator, and sends it. */
  async countersign(at = Date.now(), text?: string) {
    const note = parseNote(await this.checkpoint());
    const line = await cosign(text ?? note.text, this.world.operator.vkey, Math.floor(at / 1000), this.world.operator.sign);
    const body = formatNote({ text: text ?? note.text, signatures: [line] });
    const reply = await request(`${this.keeper.operatorUrl}/cosignatures`, { method: 'POST', body, dispatcher: this.operator });
    return { status: reply.statusCode, text: await reply.body.text() };
  }

  get vkeys() {
    const { keeper, third } = this.keys;
    return {
      log: parseVkey(keeper.log!),
      witness: parseVkey(keeper.witness),
      third: parseVkey(third.witness),
      operator: this.world.operator.vkey,
    };
  }

  async close(): Promise<void> {
    await this.keeper?.stop();
    await this.third?.stop();
    for (const close of this.#closers) await close();
  }
}

interface Reply {
  readonly index?: number;
  readonly checkpoint?: string;
  readonly items: readonly { readonly item: string; readonly result: string }[];
  readonly error?: { readonly code: string; readonly message: string; readonly evidence: Record<string, unknown> };
}
