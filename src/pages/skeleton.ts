/** The page that verifies in a browser, before its script runs: form, warning, and where the results go. Built by scripts/pages. */
import { htmlPage, Markup, markup } from '../audit/evidence/html.ts';
import { ABOUT_PAGE } from '../audit/evidence/words.ts';

const TITLE = "Check a fleet's keys";

const BODY: Markup = markup`<main>
<h1>${TITLE}</h1>
<p>This page does in your browser what <code>holdfast verify</code> does, with the same code: it checks whose keys a vault's fleet has, who vouches for
them, and how fresh that is. It sends nothing anywhere but the questions that you ask below.</p>
<div class="warning" role="note"><p><strong>${ABOUT_PAGE}</strong></p></div>
<noscript><p class="bad">Without scripts this page checks nothing. VERIFY.txt beside it has every check as a command.</p></noscript>
<form id="form">
<fieldset>
<legend>What you trust to begin with</legend>
<p><label for="root">root.json, from the app, from somebody you know, from paper; not from here:</label><br><input type="file" id="root" required></p>
</fieldset>
<fieldset>
<legend>What is to be checked</legend>
<p><label for="file">A bundle, as a file:</label><br><input type="file" id="file"></p>
<p><label for="address">Or the address of a node, or of published evidence:</label><br><input type="url" id="address" size="60"></p>
<p><label for="log">And the address of the log, to replay all of it (may be left out):</label><br><input type="url" id="log" size="60"></p>
</fieldset>
<fieldset>
<legend>How</legend>
<p><label><input type="checkbox" id="live"> Ask every node, now, for a signed answer over a fresh number</label></p>
<p><label for="third-parties">How many third parties must have cosigned:</label> <input type="number" id="third-parties" value="1" min="0" max="32" required></p>
<p><label><input type="checkbox" id="simulated"> Accept simulated tokens, which protect nothing: a fleet for development</label></p>
</fieldset>
<p><button type="submit">Check</button></p>
</form>
<section aria-live="polite" id="results"></section>
</main>`;

/** One file that loads nothing, and may run nothing but this script. @param digest its SHA-256 in base64 */
export function verifyPage(script: string, digest: string): string {
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${digest}'`,
    // Whatever address is typed; and the fleet on this machine.
    "connect-src https: http://127.0.0.1:* 'self'",
    "form-action 'none'",
    "base-uri 'none'",
  ].join('; ');
  return htmlPage({ title: TITLE, body: markup`${BODY}\n<script>${new Markup(script)}</script>`, policy });
}
