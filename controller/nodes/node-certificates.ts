/** The certificates of nodes: given to who joins, and given anew to who has one. */
import { badRequest } from '../../proto/errors.ts';
import { BadSigningRequest, type KeyedCertificate, signRequest } from '../../proto/process/tls.ts';

const secondsPerDay = 86_400;

/** Signs for the node of this name, whatever the request says about itself. */
export type NodeSigner = (nodeName: string, csrPem: string) => Promise<string>;

/** Throws ApiError BadRequest where the request is none, or not signed by its own key. */
export const createNodeSigner = (authority: KeyedCertificate, lifetimeSeconds: number): NodeSigner => async (nodeName, csrPem) => {
  try {
    return await signRequest(authority, csrPem, {
      commonName: `system:node:${nodeName}`, organizations: ['system:nodes'], usages: ['client'], days: lifetimeSeconds / secondsPerDay,
    });
  } catch (error) {
    if (error instanceof BadSigningRequest) throw badRequest(`csrPem: ${error.message}`);
    throw error;
  }
};
