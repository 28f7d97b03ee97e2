/**
 * Who this node is: its key, the certificate for it, and the authority to trust. Kept in three files; made by joining the
 * cluster with a token when they are not there. The key never leaves the machine.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import { join as joinPath } from 'node:path';
import type { Clock } from '../proto/process/clock.ts';
import { createSigningRequest, fingerprint, type Subject } from '../proto/process/tls.ts';
import { parseJoinToken } from '../proto/resources/join-token.ts';
import { joinAnswerBytesMax, joinTimeoutMs } from './limits.ts';

export interface Identity {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** Why a node could not join, in words for a person; never with the token. */
export class JoinFailure extends Error {
  override readonly name = 'JoinFailure';
}

export interface IdentityOptions {
  /** Where the files are; made with mode 0700. */
  readonly dir: string;
  /** The API's address, e.g. https://10.0.0.1:6443. */
  readonly controllerUrl: string;
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

const writeFileWhole = async (path: string, text: string): Promise<void> => {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
};

const writeStored = async (dir: string, identity: Identity): Promise<void> => {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  for (const [field, name] of Object.entries(files)) await writeFileWhole(joinPath(dir, name), identity[field as keyof Identity]);
};

/** Replaces the certificate alone: it is for the same key, so that the files fit together at every instant. */
export const storeCertificate = (dir: string, certPem: string): Promise<void> => writeFileWhole(joinPath(dir, files.certPem), certPem);

export const nodeSubject = (nodeName: string): Subject => ({ commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] });

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One request of at most `joinTimeoutMs`; throws JoinFailure when there is no answer that can be read. */
const ask = (url: URL, options: RequestOptions, body?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new JoinFailure(`cannot join by ${url.origin}: ${why}`));
    const request = httpsRequest(url, { ...options, agent: false, signal: AbortSignal.timeout(joinTimeoutMs) }, (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on('data', (part: Buffer) => {
        size += part.length;
        if (size > joinAnswerBytesMax) response.destroy(new Error('the answer is too long'));
        else parts.push(part);
      });
      response.on('error', (error) => fail(error.message));
      response.on('end', () => {
        try {
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(String(Buffer.concat(parts))) as Answer['body'] });
        } catch {
          fail(`it answers ${response.statusCode}, but not as a Berth controller does`);
        }
      });
    });
    request.on('error', (error) => fail(error.message));
    request.end(body);
  });

/** The authority's certificate, which anybody may have been the one to send: only the fingerprint makes it true. */
const pinnedAuthority = async (controllerUrl: string, pin: string): Promise<string> => {
  const { body } = await ask(new URL('/berth/v1/authority', controllerUrl), { rejectUnauthorized: false });
  let found: string | undefined;
  try {
    found = fingerprint(String(body['caPem']));
  } catch {
    found = undefined;
  }
  if (found === undefined) throw new JoinFailure(`cannot join by ${controllerUrl}: it does not say which authority it has`);
  if (found !== pin) {
    throw new JoinFailure(`cannot join by ${controllerUrl}: its authority is not the one that the token names; nothing was sent to it`);
  }
  return String(body['caPem']);
};

const joinCluster = async ({ controllerUrl, token, nodeName }: IdentityOptions): Promise<Identity> => {
  if (token === undefined) throw new JoinFailure(`node ${nodeName} has no valid certificate, and no join token was given`);
  const { id, secret, pin } = parseJoinToken(token) ?? {};
  if (pin === undefined) throw new JoinFailure('the join token is not well formed: ID.SECRET.FINGERPRINT');
  const caPem = await pinnedAuthority(controllerUrl, pin);
  const { csrPem, keyPem } = await createSigningRequest(nodeSubject(nodeName));
  const { status, body } = await ask(
    new URL('/berth/v1/join', controllerUrl),
    { method: 'POST', ca: caPem, headers: { authorization: `Bearer ${id}.${secret}`, 'content-type': 'application/json' } },
    JSON.stringify({ nodeName, csrPem }),
  );
  if (status !== 200) throw new JoinFailure(`cannot join by ${controllerUrl}: ${String(body['message'] ?? `it answers ${status}`)}`);
  return { caPem, certPem: String(body['certificatePem']), keyPem };
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
