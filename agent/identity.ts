/**
 * Who this node is: its key, the certificate for it, and the authority to trust. Kept in three files; made by joining the
 * cluster with a token when they are not there. The key never leaves the machine.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { joinBy, JoinFailure } from '../proto/joining.ts';
import type { Clock } from '../proto/process/clock.ts';
import { writeDurably } from '../proto/process/durable-file.ts';
import { createSigningRequest, type Subject } from '../proto/process/tls.ts';

export interface Identity {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export interface IdentityOptions {
  /** Where the files are; made with mode 0700. */
  readonly dir: string;
  /** The API's address at each controller that is known, e.g. https://10.0.0.1:6443. */
  readonly controllerUrls: readonly string[];
  /** Needed only while there is no valid certificate. */
  readonly token?: string;
  readonly nodeName: string;
  readonly clock: Clock;
}

const files = { caPem: 'ca.crt', certPem: 'node.crt', keyPem: 'node.key' } as const;

/** Whether all of it is still good: this node's certificate, within its time, of the stored authority and key. */
export const isValid = ({ caPem, certPem, keyPem }: Identity, nodeName: string, nowMs: number): boolean => {
  try {
    const certificate = new X509Certificate(certPem);
    return (
      certificate.subject.split('\n').includes(`CN=system:node:${nodeName}`) &&
      Date.parse(certificate.validFrom) <= nowMs &&
      nowMs < Date.parse(certificate.validTo) &&
      certificate.verify(new X509Certificate(caPem).publicKey) &&
      certificate.checkPrivateKey(createPrivateKey(keyPem))
    );
  } catch {
    // A file that is damaged is as good as none: the node joins again.
    return false;
  }
};

const readStored = async (dir: string): Promise<Identity | undefined> => {
  try {
    const [caPem, certPem, keyPem] = await Promise.all(Object.values(files).map((name) => readFile(joinPath(dir, name), 'utf8')));
    return { caPem: caPem ?? '', certPem: certPem ?? '', keyPem: keyPem ?? '' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const writeStored = async (dir: string, identity: Identity): Promise<void> => {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  for (const [field, name] of Object.entries(files)) writeDurably(joinPath(dir, name), identity[field as keyof Identity]);
};

/** Replaces the certificate alone: it is for the same key, so that the files fit together at every instant. */
export const storeCertificate = async (dir: string, certPem: string): Promise<void> => writeDurably(joinPath(dir, files.certPem), certPem);

export const nodeSubject = (nodeName: string): Subject => ({ commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] });

const joinCluster = async ({ controllerUrls, token, nodeName }: IdentityOptions): Promise<Identity> => {
  if (token === undefined) throw new JoinFailure(`node ${nodeName} has no valid certificate, and no join token was given; "berth token create" makes one`);
  const { csrPem, keyPem } = await createSigningRequest(nodeSubject(nodeName));
  const { caPem, answer } = await joinBy({ controllerUrls, token, path: '/berth/v1/join', body: { nodeName, csrPem } });
  return { caPem, certPem: String(answer['certificatePem']), keyPem };
};

/** The stored identity when it is valid, else a new one by the token. Throws JoinFailure. */
export const ensureIdentity = async (options: IdentityOptions): Promise<Identity> => {
  const stored = await readStored(options.dir);
  const nowMs = options.clock.nowMs();
  if (stored !== undefined && isValid(stored, options.nodeName, nowMs)) return stored;
  const joined = await joinCluster(options);
  if (!isValid(joined, options.nodeName, nowMs)) throw new JoinFailure('the certificate that the controller sent does not fit this node');
  await writeStored(options.dir, joined);
  return joined;
};
