/**
 * How a machine asks to become part of a cluster, as node or as server: it reads the authority's certificate, compares it
 * with the one that its token names, and only then sends the token.
 */
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { fingerprint } from './process/tls.ts';
import { parseJoinToken } from './resources/join-token.ts';

const joinTimeoutMs = 10_000;
const joinAnswerBytesMax = 64 * 1024;

/** Why a machine could not join, in words for a person; never with the token. */
export class JoinFailure extends Error {
  override readonly name = 'JoinFailure';
}

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

/** What a further server is given: all that the cluster's first one has. */
export interface ServerGrant {
  readonly caPem: string;
  readonly caKeyPem: string;
  readonly etcd: {
    readonly endpoints: readonly string[];
    /** PEM; without its authority's key the certificate is renewed by somebody else. */
    readonly tls?: { readonly caPem: string; readonly caKeyPem?: string; readonly certPem: string; readonly keyPem: string };
  };
  /** What must be alike in the configuration of all controllers. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export const serverJoinPath = '/berth/v1/join-server';

export interface JoinRequest {
  /** The API's address, e.g. https://10.0.0.1:6443. */
  readonly controllerUrl: string;
  readonly token: string;
  readonly path: string;
  readonly body: object;
}

/** Resolves to the authority and what the controller answered. Throws JoinFailure. */
export const joinBy = async ({ controllerUrl, token, path, body }: JoinRequest): Promise<{ readonly caPem: string; readonly answer: Answer['body'] }> => {
  const { id, secret, pin } = parseJoinToken(token) ?? {};
  if (pin === undefined) throw new JoinFailure('the join token is not well formed: ID.SECRET.FINGERPRINT');
  const caPem = await pinnedAuthority(controllerUrl, pin);
  const { status, body: answer } = await ask(
    new URL(path, controllerUrl),
    { method: 'POST', ca: caPem, headers: { authorization: `Bearer ${id}.${secret}`, 'content-type': 'application/json' } },
    JSON.stringify(body),
  );
  if (status !== 200) throw new JoinFailure(`cannot join by ${controllerUrl}: ${String(answer['message'] ?? `it answers ${status}`)}`);
  return { caPem, answer };
};
