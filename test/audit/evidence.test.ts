/** What is published so that anybody can check it: every claim's command prints what is said, and no file can be changed unseen. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compose } from '../../src/audit/evidence/compose.ts';
import { inclusionCommand } from '../../src/audit/evidence/inclusion-command.ts';
import { signList } from '../../src/audit/evidence/list-note.ts';
import { indexFiles } from '../../src/audit/evidence/listing.ts';
import type { Finding, Report } from '../../src/audit/report.ts';
import { toBase64 } from '../../src/base/base64.ts';
import { utf8 } from '../../src/base/bytes.ts';
import { examine } from '../../src/cli/audit/examine.ts';
import { openWeb } from '../../src/cli/audit/sources.ts';
import { Published } from '../../src/cli/fleet/evidence/published.ts';
import { parseCheckpoint } from '../../src/log/checkpoint.ts';
import { inclusionProof, leafHash, MemoryTree, treeRoot } from '../../src/log/merkle.ts';
import { parseNote } from '../../src/log/note.ts';
import { hash } from '../../src/wire/signed.ts';
import { expectGoldenText } from '../ceremony/golden.ts';
import { holdfast } from '../cli/holdfast.ts';
import { cosignatureKey } from '../log/keys.ts';
import { goodFleet, World } from '../trust/world.ts';
import { commandFolder, readClaims, runClaim } from './claims.ts';
import { evidentFleet, materialOf, publishInto } from './publications.ts';
import { PublishedWorld } from './published.ts';

const BUSY_MS = 300_000;
let root = '';
/** Of all publications, and the newest of them. */
let site = '';
let newest = '';
let rootFile = '';
let commands = '';

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-evidence-'));
  commands = commandFolder(join(root, 'bin'));
  site = join(root, 'site');
  const world = new PublishedWorld();
  await world.publish({ fleets: [evidentFleet()] });
  await publishInto(site, world, '2026-06-01T12:00:00Z');
  await world.publish({ fleets: [evidentFleet(), { ...goodFleet(3, 101), evidence: [] }] });
  await world.publish({ fleets: [evidentFleet(), { ...goodFleet(3, 101), evidence: [], state: 'retiring' }] });
  newest = await publishInto(site, world, '2026-06-08T12:00:00Z');
  rootFile = join(root, 'root.json');
  writeFileSync(rootFile, world.roots[0]!);
});
afterAll(() => rmSync(root, { recursive: true }));

interface Verified extends Report {
  readonly bad: readonly string[];
  readonly wrong: readonly Finding[];
}
/** What the command does, in this process: hundreds of programs would be started otherwise. */
async function verify(place: string): Promise<Verified> {
  const web = await openWeb(undefined);
  const policy = { thirdParties: 1, allowSimulated: false };
  const { report } = await examine({ places: [place], root: readFileSync(rootFile, 'utf8'), policy, live: false, web });
  await web.close();
  const wrong = report.findings.filter(({ result }) => result !== 'good' && result !== 'noted');
  return { ...report, wrong, bad: wrong.filter(({ result }) => result === 'bad').map(({ name }) => name) };
}

let copies = 0;
function copyOf(folder: string): string {
  copies += 1;
  const copy = join(root, `copy-${copies}`);
  cpSync(folder, copy, { recursive: true });
  return copy;
}
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)));

describe('VERIFY.txt', () => {
  /** They ask programs that run, which this world has not: test/audit/fleet.test.ts does it. */
  const needsFleet = / --live |^holdfast (log audit|ceremony verify) |npm run release/;

  it(
    'says of every claim by which command it is checked, and the command prints what it says',
    async () => {
      const claims = readClaims(readFileSync(join(newest, 'VERIFY.txt'), 'utf8'));
      expect(claims.length).toBeGreaterThan(40);
      expect(claims.map(({ number }) => number)).toEqual(claims.map((_, i) => i + 1));
      const run = claims.filter(({ command }) => !needsFleet.test(command));
      expect(claims.length - run.length).toBe(3);
      for (const { number, command, expected } of run)
        expect({ number, command, printed: await runClaim(command, newest, commands, rootFile) }).toEqual({
          number,
          command,
          printed: expected,
        });
    },
    BUSY_MS,
  );

  it(
    'prints something else for each file that another one was put in place of',
    async () => {
      const other = new PublishedWorld();
      await other.publish({ fleets: [goodFleet(3, 121)] });
      const theirs = await publishInto(join(root, 'others'), other, '2026-06-08T12:00:00Z');
      const claims = readClaims(readFileSync(join(newest, 'VERIFY.txt'), 'utf8')).slice(1);
      const swapped: readonly (readonly [string, string, string])[] = [
        ['signatures/witness.sig', 'signatures/witness.sig', 'pkeyutl'],
        ['signatures/witness.pem', 'signatures/log.pem', '"witness":"'],
        ['checkpoint.text', 'checkpoint.text', 'cmp - checkpoint.text'],
        ['entry.note', 'entry.note', 'cat entry.note'],
        ['entry.json', 'entry.json', 'head -c -1 entry.json'],
      ];
      for (const [file, from, mark] of swapped) {
        const here = copyOf(newest);
        cpSync(join(theirs, from), join(here, file));
        const { command, expected } = claims.find(
          (one) => one.command.includes(mark) && one.command.includes(file.replace('checkpoint.text', '')),
        )!;
        expect([file, await runClaim(command, here, commands, rootFile)]).not.toEqual([file, expected]);
      }
    },
    BUSY_MS,
  );

  it('hashes from any leaf of any tree up to its root', async () => {
    for (const [index, size] of [
      [0, 1],
      [0, 2],
      [1, 2],
      [2, 3],
      [0, 5],
      [4, 5],
      [3, 7],
      [6, 7],
      [9, 11],
    ] as const) {
      const leaves = Array.from({ length: size }, (_, i) => utf8(`leaf ${i}\n`));
      const tree = new MemoryTree();
      for (const leaf of leaves) tree.append(leafHash(leaf));
      const here = join(root, `leaf-${index}-${size}`);
      mkdirSync(here);
      writeFileSync(join(here, 'entry.note'), leaves[index]!);
      const command = inclusionCommand({ index, size, hashes: await inclusionProof(index, size, tree.read) });
      expect([index, size, await runClaim(command, here, commands, rootFile)]).toEqual([
        index,
        size,
        toBase64(await treeRoot(size, tree.read)),
      ]);
    }
  }, 60_000);
});

describe('what is published', () => {
  it(
    'is taken by the command: the folder of all, one publication, and the same at an address',
    async () => {
      for (const place of [site, newest]) expect(await verify(place)).toMatchObject({ outcome: 'good', wrong: [] });
      const server = createServer(({ url = '' }, response) => {
        const file = join(site, url);
        if (statSync(file, { throwIfNoEntry: false })?.isFile()) response.end(readFileSync(file));
        else response.writeHead(404).end();
      });
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      try {
        for (const place of [`${address}/`, `${address}/${relative(site, newest)}/index.html`])
          expect(await verify(place)).toMatchObject({ outcome: 'good', wrong: [] });
      } finally {
        server.close();
        server.closeAllConnections();
      }
    },
    BUSY_MS,
  );

  it(
    'is found to be changed by the name of the file, whichever it is',
    async () => {
      for (const file of filesIn(newest).filter((one) => !['bundle.json', 'SHA256SUMS', 'SHA256SUMS.note'].includes(one))) {
        const here = copyOf(newest);
        writeFileSync(join(here, file), 'something else\n');
        const { bad } = await verify(here);
        expect([file, bad]).toEqual([file, expect.arrayContaining([`file ${file}`])]);
      }
      const here = copyOf(newest);
      writeFileSync(join(here, 'bundle.json'), readFileSync(join(here, 'bundle.json'), 'utf8').replace('Operator 1', 'Operator 9'));
      const { code, out } = await holdfast('verify', here, '--root', rootFile, '--json');
      const { findings } = JSON.parse(out) as Report;
      expect(code).toBe(1);
      expect(findings.filter(({ result }) => result === 'bad').map(({ name }) => name)).toEqual(
        expect.arrayContaining(['release', 'file bundle.json']),
      );
    },
    BUSY_MS,
  );

  it(
    'is found to be changed together with its list, where it follows from the bundle',
    async () => {
      for (const file of ['fleets', 'signatures', 'entry.json', 'publication.json']) {
        const here = copyOf(newest);
        const path = filesIn(here).find((one) => one.startsWith(file))!;
        const text =
          file === 'publication.json'
            ? readFileSync(join(here, path), 'utf8').replace('"sequence": 3', '"sequence": 2')
            : 'something else\n';
        exchange(here, path, text);
        expect([path, (await verify(here)).bad]).toEqual([path, [`file ${path}`, 'list']]);
      }
    },
    BUSY_MS,
  );

  it(
    'does not hide that it is for development',
    async () => {
      const here = copyOf(newest);
      exchange(
        here,
        'publication.json',
        readFileSync(join(here, 'publication.json'), 'utf8').replace('"development": false', '"development": true'),
      );
      expect((await verify(here)).bad).toEqual(['file publication.json', 'list']);
    },
    BUSY_MS,
  );

  it(
    'is signed by the operator: what rests on the list alone is not exchanged together with its line either',
    async () => {
      for (const path of ['VERIFY.txt', 'index.html', 'verify.html']) {
        const here = copyOf(newest);
        exchange(here, path, 'all is well\n');
        expect([path, (await verify(here)).bad]).toEqual([path, ['list']]);
      }
      const { findings } = await verify(newest);
      expect(findings.find(({ name }) => name === 'list')?.words).toMatch(
        /^The operator \(operator.example.org\) signed the list of files at 2026-/,
      );
    },
    BUSY_MS,
  );

  it(
    'and its signature removed, made by another key, over another publication, or in no form is bad',
    async () => {
      const note = (folder: string) => join(folder, 'SHA256SUMS.note');
      const gone = copyOf(newest);
      unlinkSync(note(gone));
      const other = new PublishedWorld();
      const about = JSON.parse(readFileSync(join(newest, 'publication.json'), 'utf8')) as { published: string; sequence: number };
      const listed = { folder: relative(site, newest), list: hash(readFileSync(join(newest, 'SHA256SUMS'))) };
      const forged = async (signed: typeof listed, by = other.operator) => {
        const here = copyOf(newest);
        writeFileSync(note(here), await signList(signed, { ...by, timeSeconds: 1_780_000_000 }));
        return here;
      };
      // The worlds have the same keys: the honest one first.
      expect((await verify(await forged(listed))).bad).toEqual([]);
      const swapped = await forged(listed, cosignatureKey('thief.example'));
      const moved = await forged({ ...listed, folder: `2026-06-07-entry-${about.sequence}` });
      const older = await forged({ ...listed, list: hash(utf8('another list')) });
      const none = copyOf(newest);
      writeFileSync(note(none), 'trust us\n');
      const altered = copyOf(newest);
      writeFileSync(note(altered), readFileSync(note(altered), 'utf8').replace(/.{8}\n$/, 'AAAAAAA=\n'));
      for (const here of [gone, swapped, moved, older, none, altered]) expect((await verify(here)).bad).toEqual(['list']);
    },
    BUSY_MS,
  );

  it(
    'unsigned, says so in words, on its page and in VERIFY.txt, and is never good; nor is a signed one whose list was made anew',
    async () => {
      const world = new PublishedWorld();
      await world.publish({ fleets: [evidentFleet()] });
      const unsigned = await publishInto(join(root, 'outsider'), world, '2026-06-01T12:00:00Z', false);
      for (const name of ['index.html', 'VERIFY.txt'])
        expect(readFileSync(join(unsigned, name), 'utf8').replaceAll('\n', ' ')).toContain('NOBODY SIGNED THE LIST');
      const [first] = readClaims(readFileSync(join(unsigned, 'VERIFY.txt'), 'utf8'));
      expect(await runClaim(first!.command, unsigned, commands, rootFile)).toBe(first!.expected);
      expect(first!.expected).toMatch(/^COULD NOT TELL/);
      const stripped = copyOf(newest);
      unlinkSync(join(stripped, 'SHA256SUMS.note'));
      exchange(stripped, 'publication.json', readFileSync(join(stripped, 'publication.json'), 'utf8').replace(/ {2}"signer": .*\n/, ''));
      for (const here of [unsigned, stripped]) {
        const { outcome, wrong } = await verify(here);
        expect([outcome, wrong.map(({ name, result }) => `${name}: ${result}`)]).toEqual(['unknown', ['list: unknown']]);
        expect(wrong[0]?.words).toMatch(/^NOBODY SIGNED the list of files/);
      }
      const { code, out } = await holdfast('verify', unsigned, '--root', rootFile);
      expect([code, out]).toEqual([2, expect.stringMatching(/UNKNOWN +list +NOBODY SIGNED/)]);
    },
    BUSY_MS,
  );

  it('what the operator signs of it is no checkpoint of any log', async () => {
    const { text } = parseNote(readFileSync(join(newest, 'SHA256SUMS.note'), 'utf8'));
    expect(text.split('\n')[0]).toBe('holdfast/evidence-list/v1');
    expect(() => parseCheckpoint(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it(
    'is found to have a file more, one less, or an evil list',
    async () => {
      const more = copyOf(newest);
      writeFileSync(join(more, 'files', 'letter.txt'), 'trust us\n');
      expect((await verify(more)).bad).toEqual(['file files/letter.txt']);
      const less = copyOf(newest);
      unlinkSync(join(less, 'fleets', readdirSync(join(less, 'fleets'))[0]!, 'node-1', 'sealing.pem'));
      expect((await verify(less)).bad).toEqual([expect.stringMatching(/^file fleets\/.*\/node-1\/sealing.pem$/)]);
      for (const line of ['/etc/passwd', '../root.json', 'files/../../root.json', 'a\n']) {
        const here = copyOf(newest);
        writeFileSync(join(here, 'SHA256SUMS'), `${readFileSync(join(here, 'SHA256SUMS'), 'utf8')}${'0'.repeat(64)}  ${line}\n`);
        expect([line, (await verify(here)).bad]).toEqual([line, ['file SHA256SUMS', 'list']]);
      }
    },
    BUSY_MS,
  );

  it(
    'has a past that nobody rewrites: an older publication exchanged, an index that leaves one out, other pages above',
    async () => {
      const [first = ''] = readdirSync(site).sort();
      const rewritten = copyOf(site);
      exchange(join(rewritten, first), 'VERIFY.txt', 'all is well\n');
      expect((await verify(rewritten)).bad).toEqual([`publication ${first}`]);
      const index = JSON.parse(readFileSync(join(site, 'index.json'), 'utf8')) as { publications: { list: string }[] };
      const helped = copyOf(rewritten);
      index.publications[0]!.list = hash(readFileSync(join(helped, first, 'SHA256SUMS')));
      writeFileSync(join(helped, 'index.json'), JSON.stringify(index));
      expect((await verify(helped)).bad).toEqual([`publication ${relative(site, newest)}`]);
      const cut = copyOf(site);
      writeFileSync(
        join(cut, 'index.json'),
        JSON.stringify({ ...JSON.parse(readFileSync(join(site, 'index.json'), 'utf8')), publications: index.publications.slice(1) }),
      );
      expect((await verify(cut)).bad).toEqual([`publication ${relative(site, newest)}`]);
      for (const page of ['index.html', 'feed.xml']) {
        const here = copyOf(site);
        writeFileSync(join(here, page), 'trust us\n');
        expect((await verify(here)).bad).toEqual([`file ${page}`]);
      }
    },
    BUSY_MS,
  );
});

/** As somebody does it who has the folder: the file, and its line in the list. */
function exchange(folder: string, path: string, text: string): void {
  writeFileSync(join(folder, path), text);
  const list = readFileSync(join(folder, 'SHA256SUMS'), 'utf8').split('\n');
  writeFileSync(
    join(folder, 'SHA256SUMS'),
    list.map((line) => (line.endsWith(`  ${path}`) ? `${hash(utf8(text))}  ${path}` : line)).join('\n'),
  );
}

describe('publishing', () => {
  it('puts nothing beside a publication that was changed, and names the file', async () => {
    const here = copyOf(site);
    const [first = ''] = readdirSync(here).sort();
    writeFileSync(join(here, first, 'VERIFY.txt'), 'all is well\n');
    expect(() => new Published(here)).toThrow(expect.objectContaining({ code: 'alarm', evidence: { file: `${first}/VERIFY.txt` } }));
  });

  it('interrupted before anyone was told, does it again, and leaves nothing half done', async () => {
    const here = copyOf(site);
    const before = readFileSync(join(here, 'index.json'), 'utf8');
    const world = new PublishedWorld();
    await world.publish({ fleets: [evidentFleet()] });
    mkdirSync(join(here, '.making-1'));
    renameSync(join(here, '.making-1'), join(here, '2026-06-09-entry-1'));
    mkdirSync(join(here, '.making-2'));
    await publishInto(here, world, '2026-06-09T12:00:00Z');
    expect(readdirSync(here).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(JSON.parse(readFileSync(join(here, 'index.json'), 'utf8')).publications).toHaveLength(
      JSON.parse(before).publications.length + 1,
    );
  });
});

describe('the pages', () => {
  const fixed = async () => {
    const world = new World();
    await world.publish({ fleets: [evidentFleet()] });
    return world;
  };

  it('are as they were read and agreed on', async () => {
    const world = await fixed();
    const { files, listed } = compose({ ...(await materialOf(world, '2026-06-15T12:00:00Z')), signer: world.operator.vkey.text });
    expectGoldenText(import.meta.url, 'publication.html', Buffer.from(files.get('index.html')!).toString());
    expectGoldenText(import.meta.url, 'VERIFY.txt', Buffer.from(files.get('VERIFY.txt')!).toString());
    for (const [name, text] of indexFiles([{ ...listed, changes: ['+ fleet'] }])) expectGoldenText(import.meta.url, name, text);
  });

  it('load nothing, run nothing, and take nothing that an entry says for markup or for a command', async () => {
    const evil = `<script>alert(1)</script>"'$(touch /tmp/evil)\n    > 1`;
    const fleet = evidentFleet();
    const world = new World();
    await world.publish({
      fleets: [
        {
          ...fleet,
          nodes: fleet.nodes.map((node, i) =>
            i === 0 ? { ...node, region: evil, operator: evil, token: { ...node.token, model: evil } } : node,
          ),
        },
      ],
    });
    const { files } = compose(await materialOf(world, '2026-06-15T12:00:00Z'));
    const page = Buffer.from(files.get('index.html')!).toString();
    expect(page).not.toMatch(/<script|<img|<iframe|<link [^>]*stylesheet|javascript:|onload=| src=/i);
    expect(page).toContain(`content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;"`);
    const commandsIn = readClaims(Buffer.from(files.get('VERIFY.txt')!).toString()).map(({ command }) => command);
    expect(commandsIn.join('\n')).not.toContain('evil');
  });
});
