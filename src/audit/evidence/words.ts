/** Words that page, VERIFY.txt and feed share. */

export const DEVELOPMENT =
  'THIS IS A DEVELOPMENT FLEET. Its tokens are simulated and protect nothing: whoever has the machine has every key. It is published so that publishing can be tried. Do not trust it with a backup.';

export const ABOUT_PAGE =
  'A page that the audited party serves proves less than the command run from elsewhere: whoever can exchange the evidence can exchange the page that judges it. Take the page from a publication whose digest you know, or better run "holdfast verify" from a copy of the program that you did not get here.';

/** Of a publication that was made without the operator's key. */
export const UNSIGNED =
  'NOBODY SIGNED THE LIST: this was published without the operator\'s key. What follows from the bundle is checked by its own signatures; these pages, certificates and transcripts rest on the list alone. So "holdfast verify" says that it could not tell.';

const WIDTH = 110;

/** What an entry says may hold anything: a line feed in it would be a line of ours (attack: an expected output of its own). */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}

/** Lines of at most so many letters. */
export function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of oneLine(text).split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
