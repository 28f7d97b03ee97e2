/** How failures are told to a person: one line that says what to do, and the exit code. */
import { ApiError } from '../proto/errors.ts';
import { ConnectionError } from '../proto/client.ts';
import { printable } from './terminal-text.ts';

/** Failures that are the caller's: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What the state of the cluster does not allow, found out before the server was asked. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** A failure that has been told already; only the exit code is left to set. */
export class Told extends Error {
  override readonly name = 'Told';
}

/** A command in a container has failed by itself; its exit code is passed on. */
export class CommandFailed extends Told {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`the command ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** What Node.js says of a server whose certificate another authority has signed, or none. */
const foreignCertificate = new Set(['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_SIGNATURE_FAILURE']);

const wordsOf = (error: unknown): string => {
  if (error instanceof ConnectionError && foreignCertificate.has((error.cause as NodeJS.ErrnoException | undefined)?.code ?? '')) {
    return `${error.message}; the server is of another cluster than the kubeconfig's context, or was made anew since: "sudo berth up" writes the context again`;
  }
  if (error instanceof ConnectionError) return `${error.message}; is the cluster running? "sudo berth up" starts a local one`;
  if (error instanceof ApiError && error.reason === 'Unauthorized') return `the server does not know you (${error.message}); the kubeconfig's certificate may be of another cluster, or have run out: "sudo berth up" writes that of a local cluster again`;
  return error instanceof Error ? error.message : String(error);
};

export const describeFailure = (error: unknown, coloured: boolean): string =>
  printable(wordsOf(error)).split('\n').map((line) => `${coloured ? '\u001b[31merror:\u001b[0m' : 'error:'} ${line}`).join('\n');

export const exitCodeOf = (error: unknown): number => (error instanceof CommandFailed ? error.exitCode : error instanceof UsageError ? 2 : 1);
