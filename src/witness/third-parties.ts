/**
 * Asks third parties, each a witness of its own organisation, to cosign a checkpoint (c2sp.org/tlog-witness): the other side of
 * add-checkpoint.ts. One that does not answer costs its cosignature and nothing else: clients say how many they want.
 */
import { Agent, request } from 'undici';
import { fromUtf8 } from '../base/bytes.ts';
import { HoldfastError } from '../base/errors.ts';
import { parseDecimal } from '../log/checkpoint.ts';
import { cosignatureTime } from '../log/cosignature.ts';
import { consistencyProof, type HashReader } from '../log/merkle.ts';
import { type NoteSignature, parseSignatureLine, signaturesOf } from '../log/note.ts';
import type { Vkey } from '../log/vkey.ts';
import type { Trace } from '../web/answer.ts';
import { formatAddCheckpoint } from './add-checkpoint.ts';

export interface ThirdParty {
  /** Of type 0x04. */
  readonly vkey: Vkey;
  /** The submission prefix. */
  readonly url: string;
  /** TLS authority, where the system's do not do. */
  readonly authority: string | undefined;
}

export interface Tree {
  /** The text of the checkpoint, and the signed note. */
  readonly text: string;
  readonly checkpoint: string;
  readonly size: number;
  readonly read: HashReader;
}

/** One that is asked, and the size of the tree that it cosigned last, as far as is known here. */
interface Asked {
  readonly party: ThirdParty;
  readonly agent: Agent;
  size: number;
}

const ANSWER_BYTES_MAX = 64 * 1024;

export class ThirdParties {
  readonly #asked: readonly Asked[];
  readonly #limitMs: number;
  readonly #trace: Trace;

  constructor(parties: readonly ThirdParty[], limitMs: number, trace: Trace) {
    this.#limitMs = limitMs;
    this.#trace = trace;
    this.#asked = parties.map((party) => {
      const ca = party.authority;
      const agent = new Agent({ maxResponseSize: ANSWER_BYTES_MAX, connect: { timeout: limitMs, ...(ca !== undefined && { ca }) } });
      return { party, agent, size: 0 };
    });
  }

  /** The cosignatures of those that gave one, verified. Never throws. */
  async cosign(tree: Tree): Promise<NoteSignature[]> {
    const lines = await Promise.all(this.#asked.map((one) => this.#ask(one, tree)));
    return lines.filter((line) => line !== undefined);
  }

  async close(): Promise<void> {
    await Promise.all(this.#asked.map(({ agent }) => agent.destroy()));
  }

  async #ask(one: Asked, tree: Tree): Promise<NoteSignature | undefined> {
    const { name } = one.party.vkey;
    try {
      let answer = await this.#post(one, tree);
      if (answer.status === 409) {
        const size = parseDecimal(answer.text.replace(/\n$/, ''), 'the size that a third party answers with');
        if (size > tree.size) {
          // Either it lies, or the log it saw went on and this one was put back.
          this.#trace.error({ thirdParty: name, cosigned: size, size: tree.size }, 'a third party cosigned a larger tree of this log');
          return undefined;
        }
        one.size = size;
        answer = await this.#post(one, tree);
      }
      if (answer.status !== 200) {
        this.#trace.warn({ thirdParty: name, status: answer.status, said: answer.text.slice(0, 200) }, 'a third party did not cosign');
        return undefined;
      }
      const line = cosignatureOf(answer.text, tree.text, one.party.vkey);
      one.size = tree.size;
      return line;
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      const why = error instanceof HoldfastError ? message : (code ?? message);
      this.#trace.warn({ thirdParty: name, why }, 'a third party did not cosign');
      return undefined;
    }
  }

  async #post({ party, agent, size: old }: Asked, { checkpoint, size, read }: Tree) {
    const { statusCode, body } = await request(`${party.url.replace(/\/$/, '')}/add-checkpoint`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: formatAddCheckpoint(old, await consistencyProof(old, size, read), checkpoint),
      dispatcher: agent,
      signal: AbortSignal.timeout(this.#limitMs),
    });
    return { status: statusCode, text: fromUtf8(new Uint8Array(await body.arrayBuffer())) };
  }
}

/** Lines of other keys are passed over. @throws `malformed`, `not-signed` */
function cosignatureOf(answer: string, text: string, vkey: Vkey): NoteSignature {
  const signatures = answer.split('\n').slice(0, -1).map(parseSignatureLine);
  const [line] = signaturesOf({ signatures }, vkey);
  if (line === undefined || cosignatureTime({ text, signatures: [line] }, vkey) === undefined)
    throw new HoldfastError('not-signed', 'the answer holds no cosignature of the key that is configured');
  return line;
}
