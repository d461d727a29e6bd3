/** The nodes of the operator's fleets, at the addresses that the entry names: asked for their signatures, handed the bundle. */
import { decodeJson, encodeJson } from '../api/json.ts';
import { bundleReceipt, type Candidate, candidate, nodeStatement } from '../api/publication.ts';
import { fromUtf8 } from '../base/bytes.ts';
import { fail } from '../base/errors.ts';
import { readNamed } from '../files/configuration.ts';
import type { Signed } from '../wire/signed.ts';
import type { OperatorConfig } from './config.ts';
import { Web } from './web.ts';

export interface NodesPort {
  /** The node's word for the entry, as it came. @throws `untrue-entry`, `unreachable` */
  sign(url: string, entry: Candidate): Promise<Signed>;
  /** @returns whether it was taken; false for a bundle that the node serves already. @throws `superseded`, `unreachable` */
  offer(url: string, bundle: string): Promise<boolean>;
}

const JSON_TYPE = 'application/json';

export function connectNodes({ nodesAuthorityFile }: OperatorConfig): NodesPort & { close(): Promise<void> } {
  const web = new Web({ authority: nodesAuthorityFile === undefined ? undefined : readNamed(nodesAuthorityFile, 'nodesAuthorityFile') });
  const read = (bytes: Uint8Array, url: string): unknown => {
    try {
      return JSON.parse(fromUtf8(bytes));
    } catch {
      return fail('unreachable', `${url} does not answer as a node does`);
    }
  };
  return {
    sign: async (url, entry) => {
      const answer = await web.post(`${url}/v1/entry`, JSON_TYPE, JSON.stringify(encodeJson(candidate, entry)));
      return decodeJson(nodeStatement, read(answer, url), `the answer of ${url}`).signed;
    },
    offer: async (url, bundle) => {
      const answer = await web.post(`${url}/v1/bundle`, JSON_TYPE, bundle);
      return decodeJson(bundleReceipt, read(answer, url), `the answer of ${url}`).taken;
    },
    close: () => web.close(),
  };
}
