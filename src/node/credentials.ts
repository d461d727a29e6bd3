/** The leaf for peers as TLS credentials: it renews itself while a node runs. What clients see is web/credentials.ts. */
import { type Renewing, renewing, type TlsKey } from '../web/credentials.ts';
import { issueLeaf, LEAF_LIFE_MS, type LeafRequest } from './tls-certificate.ts';

/** Seven chances before a leaf expires: a token that is away for days costs none of its validity. */
const RENEW_MS = LEAF_LIFE_MS / 7;

/** @param onFailure told when a renewal fails; the leaf before it goes on */
export async function leafCredentials(request: LeafRequest, key: TlsKey, onFailure: (error: unknown) => void): Promise<Renewing> {
  return renewing(
    { ...key, cert: await issueLeaf(request) },
    RENEW_MS,
    async () => ({ ...key, cert: await issueLeaf(request) }),
    onFailure,
  );
}
