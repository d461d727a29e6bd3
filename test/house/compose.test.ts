/**
 * compose.yaml cannot be run where there is no Docker. So that it does not lie: its services are the programs of the fleet that its
 * first line makes, as the command line would start them; each sees every file that its configuration names, by the code that reads
 * it; and the containers are those of the Dockerfile and of `scripts/image fleet`, which is run.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readAccountsConfig } from '../../src/accounts/config.ts';
import { type FleetLayout, type Member, membersOf, requireLayout } from '../../src/cli/fleet/layout.ts';
import { makeFleetIn } from '../../src/cli/fleet/make.ts';
import { type Config, readConfig } from '../../src/node/config.ts';
import { holdfast } from '../cli/holdfast.ts';

const project = join(import.meta.dirname, '../..');
const text = (name: string) => readFileSync(join(project, name), 'utf8');

const healthcheck = z.union([
  z.strictObject({ disable: z.literal(true) }),
  z.strictObject({ test: z.tuple([z.literal('CMD')]).rest(z.string()) }),
]);
/** Strict: a key of compose's that this test knows nothing of is looked at by a person first. */
const service = z.strictObject({
  image: z.string(),
  network_mode: z.literal('host'),
  user: z.string(),
  read_only: z.literal(true),
  tmpfs: z.string(),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  restart: z.string(),
  command: z.array(z.string()),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()),
  healthcheck,
});
type Service = z.output<typeof service>;
const compose = z.looseObject({ name: z.literal('holdfast'), services: z.record(z.string(), service) });

/** Where `docker compose up` is run: the project's folder, with the fleet in .holdfast. */
const here = mkdtempSync(join(tmpdir(), 'holdfast-compose-'));
const folder = join(here, '.holdfast');
const interpolated = text('compose.yaml')
  .replaceAll(/\$\{PWD\}/g, here)
  .replaceAll(/\$\{HOLDFAST_USER:-0:0\}/g, '0:0');
const { services } = compose.parse(parse(interpolated, { merge: true }));
let layout: FleetLayout;

beforeAll(async () => {
  await makeFleetIn(folder, 5, () => undefined);
  layout = requireLayout(folder);
}, 300_000);
afterAll(() => rmSync(here, { recursive: true }));

const serviceOf = ({ name }: Member): Service => services[name] as Service;
const nodes = ['node-1', 'node-2', 'node-3', 'node-4', 'node-5'];

/** Volumes by the path in the container. */
function volumesOf({ volumes }: Service) {
  return volumes.map((line) => {
    const [from = '', to = '', mode = 'rw'] = line.split(':');
    return { from: join(here, from), to, writable: mode === 'rw' };
  });
}

/** What a path in the container is on this machine. */
function seen(of: Service, path: string): { path: string; writable: boolean } | undefined {
  const volume = volumesOf(of).find(({ to }) => path === to || path.startsWith(`${to}/`));
  return volume && { path: join(volume.from, path.slice(volume.to.length)), writable: volume.writable };
}

const memberOf = (name: string) => membersOf(layout).find((member) => member.name === name) as Member;
const configOf = (name: string): Config => readConfig(memberOf(name).config);

it('nothing is left that compose would take from somewhere else', () => expect(interpolated).not.toMatch(/\$\{|\.env|env_file/));

it('its services are the programs of a pinned fleet of five', () => {
  expect(Object.keys(services).sort()).toEqual(
    membersOf(layout)
      .map(({ name }) => name)
      .sort(),
  );
});

describe.each([...nodes, 'accounts'])('%s', (name) => {
  it('is started as the fleet starts it, with what the image has', () => {
    const member = memberOf(name);
    const { command, environment, image } = serviceOf(member);
    expect(command).toEqual(member.command);
    expect(image).toBe('holdfast');
    // The engine's folder and the module are set in the image, where they have a path of their own.
    const { SOFTHSM2_CONF } = member.environment;
    expect(environment).toEqual(SOFTHSM2_CONF === undefined ? {} : { SOFTHSM2_CONF });
  });

  it('sees the folder of its own at the path that it has outside, and no other', () => {
    const member = memberOf(name);
    const volumes = volumesOf(serviceOf(member));
    for (const { from, to } of volumes) expect(from).toBe(to);
    const shared =
      name === 'accounts' ? [] : [{ from: join(folder, 'fleet-entry.json'), to: join(folder, 'fleet-entry.json'), writable: false }];
    expect(volumes).toEqual([{ from: member.folder, to: member.folder, writable: true }, ...shared]);
    expect(seen(serviceOf(member), member.config)).toEqual({ path: member.config, writable: true });
  });
});

describe.each(nodes)('the configuration of %s', (name) => {
  it('names only files that its container sees, and one folder that it may write to', () => {
    const config = configOf(name);
    const of = serviceOf(memberOf(name));
    const { SOFTHSM2_CONF = '' } = of.environment;
    const tokens = /^directories\.tokendir = (.*)$/m.exec(readFileSync(seen(of, SOFTHSM2_CONF)?.path ?? '', 'utf8'))?.[1] ?? '';
    for (const file of [config.entryFile, config.token.pinFile ?? '', config.public.tlsCertificateFile, tokens]) {
      expect(statSync(seen(of, file)?.path ?? `not seen: ${file}`), file).toBeDefined();
    }
    expect([seen(of, config.dataDir)?.writable, seen(of, tokens)?.writable]).toEqual([true, true]);
    expect([config.transparency, config.passes.jwksFile]).toEqual([undefined, undefined]);
    expect(text('Dockerfile')).toContain(`PKCS11_MODULE_PATH=${config.token.module}`);
  });

  it('is asked for by the check of its health, which is the one of the image', () => {
    const check = serviceOf(memberOf(name)).healthcheck;
    const inImage = JSON.parse(/^HEALTHCHECK .* CMD (\[.*\])$/m.exec(text('Dockerfile'))?.[1] ?? '') as string[];
    expect(check).toEqual({ test: ['CMD', ...inImage.slice(0, -1), memberOf(name).config] });
    expect(text('Dockerfile')).toContain(`COPY ${inImage[1]} `);
  });
});

it('on the network of the machine no two of them listen at one port, and they reach each other', () => {
  const configs = nodes.map(configOf);
  const accounts = readAccountsConfig(memberOf('accounts').config);
  const listening = configs.flatMap((config) => [config.public.port, config.peer.port, config.metrics?.port ?? 0]);
  const ports = [...listening, accounts.port];
  expect(new Set(ports).size).toBe(5 * 3 + 1);
  for (const { self, peers, passes } of configs) {
    const others = configs.filter((other) => other.self !== self).map((other) => [other.self, `127.0.0.1:${other.peer.port}`]);
    expect(peers).toEqual(Object.fromEntries(others));
    expect(passes.jwksUrl).toBe(`http://127.0.0.1:${accounts.port}/.well-known/jwks.json`);
  }
});

it('scripts/image runs the same containers', () => {
  const script = text('scripts/image');
  const run = /\nnode\(\) \{\n([\s\S]*?)\n\}\n/.exec(script)?.[1] ?? '';
  const { volumes, environment, command, user } = services['node-1'] as Service;
  const inScript = (line: string) => line.replaceAll('$work/fleet', folder).replaceAll('$folder', join(folder, 'node-1'));
  const volumesThere = [...run.matchAll(/--volume "([^"]*)"/g)].map(([, line = '']) => inScript(line));
  expect(volumesThere).toEqual(volumes.map((line) => join(here, line)));
  const environmentThere = [...run.matchAll(/--env "([^"]*)"/g)].map(([, line = '']) => inScript(line));
  expect(environmentThere).toEqual(Object.entries(environment).map(([name, value]) => `${name}=${value}`));
  expect(/--user (\S+)/.exec(run)?.[1]).toBe(user);
  // buildah passes over the image's entry point: the script writes it out.
  const [shell = '', flag = '', program = '', name = ''] = JSON.parse(
    /^ENTRYPOINT (\[.*\])$/m.exec(text('Dockerfile'))?.[1] ?? '',
  ) as string[];
  const started = `-- ${shell} ${flag} '${program}' ${name} ${command.join(' ')}`;
  expect(inScript(run)).toContain(started.replace(`${folder}/node-1/node.json`, `"${folder}/node-1/node.json"`));
});

it.each(['node start', 'accounts start'])('holdfast %s is a command', async (words) => {
  expect(Object.values(services).some(({ command }) => command.join(' ').startsWith(words))).toBe(true);
  expect((await holdfast(...words.split(' '), '--help')).out).toContain(`Usage: holdfast ${words} `);
});

it('says in its comment what makes the fleet, the image and the containers', async () => {
  const said = text('compose.yaml').split('\nname:')[0] ?? '';
  expect(said).toContain('./scripts/fleet up --pinned --nodes 5');
  expect(said).toContain(/^# {3}(docker build -t holdfast \.) /m.exec(text('Dockerfile'))?.[1] ?? 'nothing');
  expect((await holdfast('fleet', 'up', '--help')).out).toContain('--pinned');
});
