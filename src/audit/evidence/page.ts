/** The page of one publication: whose keys, who vouches, each node's token, the code, and every claim with its command. */
import { toHex } from '../../base/bytes.ts';
import type { EntryFleet, EntryNode } from '../../fleet/entry.ts';
import { isoTime } from '../../trust/continuity.ts';
import { lastSignedBy } from '../../trust/signed-entry.ts';
import { BUNDLE_PROVES_NOT } from '../bundle.ts';
import { LIVE_PROVES_NOT } from '../live.ts';
import type { Claim, Section } from './claims.ts';
import { nodeFolder } from './derived.ts';
import { htmlPage, lines, type Markup, markup } from './html.ts';
import { LIST_FILE, LIST_NOTE_FILE, PAGE_FILE, type Publication } from './publication.ts';
import { ABOUT_PAGE, DEVELOPMENT, UNSIGNED } from './words.ts';

export function publicationPage(publication: Publication, sections: readonly Section[]): string {
  const { about, entry, bundle, derived, changes, files } = publication;
  const title = `Entry ${entry.sequence} of ${about.namespace}${about.development ? ' (DEVELOPMENT)' : ''}`;
  const signers = derived.signers.map(({ file, vkey, time }) => ({
    file,
    name: vkey.name,
    at: time === undefined ? '' : isoTime(time * 1000),
  }));
  const body = markup`<main>
<h1>${title}</h1>
${about.development ? warning(DEVELOPMENT) : ''}
<p>Published <time datetime="${about.published}">${about.published}</time>. <a href="../index.html">All publications</a>, <a href="../feed.xml">feed</a>.</p>
<p>These are the keys for which people's devices seal shares of their backup keys, who vouches for them, and how you check each of these
claims yourself: by one command each, below and in <a href="VERIFY.txt">VERIFY.txt</a>.</p>
<dl>
<dt>Namespace</dt><dd>${about.namespace}</dd>
<dt>Digest of the entry</dt><dd><code>${entry.digest}</code></dd>
<dt>Digest of the bundle</dt><dd><code>${bundle.digest}</code></dd>
<dt>Valid</dt><dd>${isoTime(entry.validFrom)} to ${isoTime(entry.validUntil)}</dd>
<dt>Log</dt><dd>${about.log}</dd>
${about.previous === undefined ? '' : markup`<dt>Follows</dt><dd><a href="../${about.previous.folder}/index.html">${about.previous.folder}</a>, whose list has the digest <code>${about.previous.list}</code></dd>`}
</dl>
<h2>What changed since the publication before</h2>
${changes.length === 0 ? markup`<p>No fleet and no key changed.</p>` : markup`<pre>${changes.join('\n')}</pre>`}
<h2>Who signed the entry and the log</h2>
<table>
<thead><tr><th scope="col">who</th><th scope="col">key</th><th scope="col">when</th></tr></thead>
<tbody>
${lines(signers, ({ file, name, at }) => markup`<tr><th scope="row">${file}</th><td><a href="signatures/${file}.pem">${name}</a></td><td>${at}</td></tr>`)}
</tbody>
</table>
${lines(entry.fleets, fleetOf)}
<h2>Files</h2>
<p><a href="${LIST_FILE}">${LIST_FILE}</a> has the SHA-256 of every file here; the feed has the SHA-256 of that list${about.signer === undefined ? '.' : markup`, and the operator signed it (<a href="${LIST_NOTE_FILE}">${LIST_NOTE_FILE}</a>).`}</p>
${about.signer === undefined ? warning(UNSIGNED) : ''}
<ul>
${lines([...files.keys()].sort(), (path) => markup`<li><a href="${path}">${path}</a></li>`)}
</ul>
<h2>Check it</h2>
<p>In a terminal, in a copy of this folder. <code>ROOT</code> is the <code>root.json</code> that you trust: from the app, from somebody you know, from
paper. Do not take it from here. Read a command before you run it: this page comes from whom you audit.</p>
<p>In a browser: <a href="${PAGE_FILE}">${PAGE_FILE}</a>. ${ABOUT_PAGE}</p>
${sectionsOf(sections)}
<h2>What none of this proves</h2>
<ul>
${lines([...BUNDLE_PROVES_NOT, LIVE_PROVES_NOT], (one) => markup`<li>${one}</li>`)}
</ul>
</main>`;
  return htmlPage({ title, body });
}

export function warning(text: string): Markup {
  return markup`<div class="warning" role="note"><p><strong>${text}</strong></p></div>`;
}

function fleetOf(listed: EntryFleet): Markup {
  const { fleet, state, since, nodes, measurements, evidence } = listed;
  return markup`<h2>Fleet ${fleet.id.slice(0, 8)}: ${state}</h2>
<dl>
<dt>Fleet id</dt><dd><code>${fleet.id}</code></dd>
<dt>State</dt><dd>${state} since ${isoTime(since)}</dd>
<dt>Nodes</dt><dd>${nodes.length}; ${fleet.quorum} must count a guess, ${fleet.threshold} shares open a key</dd>
</dl>
${lines(nodes, (node) => nodeOf(listed, node))}
<h3>Code that these nodes may run</h3>
${
  measurements.length === 0
    ? markup`<p class="bad">The entry names none: these nodes run code that nobody measured.</p>`
    : markup`<ul>${lines(measurements, ({ digest, rebuild }) => markup`<li><code>${digest}</code>, rebuilt by <code>${rebuild}</code></li>`)}</ul>`
}
<h3>Evidence that the entry names</h3>
${
  evidence.length === 0
    ? markup`<p>None: what is published beside it is not named in what was signed.</p>`
    : markup`<ul>${lines(evidence, ({ about, digest, url }) => markup`<li>${about}: ${/^https?:/.test(url) ? markup`<a href="${url}" rel="noreferrer">${url}</a>` : url}, SHA-256 <code>${digest}</code></li>`)}</ul>`
}`;
}

function nodeOf(
  fleet: EntryFleet,
  { name, role, region, operator, url, id, identityKey, sealingKey, token, attestation }: EntryNode,
): Markup {
  const folder = nodeFolder(fleet.fleet.id, name);
  const last = lastSignedBy(fleet, { id });
  const facts: readonly (readonly [string, string | Markup])[] = [
    ['Operator, region', `${operator}, ${region}${role === undefined ? '' : ` (${role})`}`],
    ['Address', url],
    ...(last === undefined
      ? []
      : [['Absent', markup`<strong class="bad">does not sign this entry</strong>; signed last <code>${last}</code>`] as const]),
    ['Node id', markup`<code>${id}</code>`],
    ['Identity key', markup`<code>${toHex(identityKey)}</code> (<a href="${folder}/identity.pem">PEM</a>)`],
    ['Sealing key', markup`<code>${toHex(sealingKey)}</code> (<a href="${folder}/sealing.pem">PEM</a>)`],
    ['Token', `${token.model}, objects ${token.class === 'device' ? 'in the device' : 'as files on its host'}`],
    ['Simulated', token.simulated ? markup`<strong class="bad">yes: protects nothing</strong>` : 'no'],
    [
      'Attestation of the sealing key',
      attestation === undefined ? 'none' : markup`${attestation.format}, SHA-256 <code>${attestation.digest}</code>`,
    ],
  ];
  return markup`<h3>${name}</h3>
<table>
<tbody>
${lines(facts, ([what, value]) => markup`<tr><th scope="row">${what}</th><td>${value}</td></tr>`)}
</tbody>
</table>`;
}

function sectionsOf(sections: readonly Section[]): Markup {
  let number = 0;
  const claimOf = ({ what, command, expect, note }: Claim): Markup => {
    number += 1;
    return markup`<p>${number}. ${what}</p>
<pre><code>${command}</code></pre>
<p>It prints:</p>
<pre><samp>${expect.join('\n')}</samp></pre>
${note === undefined ? '' : markup`<p>${note}</p>`}`;
  };
  return lines(sections, ({ title, claims }) => markup`<h3>${title}</h3>\n${lines(claims, claimOf)}`);
}
