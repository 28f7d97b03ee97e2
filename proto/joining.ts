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
  override readonly name: string = 'JoinFailure';
}

/** That server has not answered, or cannot serve now; another one may. */
class ServerAway extends JoinFailure {
  override readonly name = 'ServerAway';
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One request of at most `joinTimeoutMs`; throws ServerAway when there is no answer that can be read. */
const ask = (url: URL, options: RequestOptions, body?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new ServerAway(`cannot join by ${url.origin}: ${why}`));
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
  const { status, body } = await ask(new URL('/berth/v1/authority', controllerUrl), { rejectUnauthorized: false });
  if (status >= 500) throw new ServerAway(`cannot join by ${controllerUrl}: it answers ${status}`);
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
  /** `https://HOST:PORT` of the API of each server that serves. */
  readonly servers: readonly string[];
}

export const serverJoinPath = '/berth/v1/join-server';

export interface JoinRequest {
  /** The API's address at each server that is known, e.g. https://10.0.0.1:6443; asked in turn while they are away. */
  readonly controllerUrls: readonly string[];
  readonly token: string;
  readonly path: string;
  readonly body: object;
}

interface Joined {
  readonly caPem: string;
  readonly answer: Answer['body'];
}

/** Throws ServerAway, JoinFailure. */
const joinAt = async (controllerUrl: string, bearer: string, pin: string, { path, body }: JoinRequest): Promise<Joined> => {
  const caPem = await pinnedAuthority(controllerUrl, pin);
  const { status, body: answer } = await ask(
    new URL(path, controllerUrl),
    { method: 'POST', ca: caPem, headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' } },
    JSON.stringify(body),
  );
  const why = `cannot join by ${controllerUrl}: ${String(answer['message'] ?? `it answers ${status}`)}`;
  if (status >= 500) throw new ServerAway(why);
  if (status !== 200) throw new JoinFailure(why);
  return { caPem, answer };
};

/**
 * Resolves to the authority and what a controller answered. One that refuses speaks for all; who may have been heard by one
 * that then went away asks the next, as to join twice does no harm. Throws JoinFailure.
 */
export const joinBy = async (request: JoinRequest): Promise<Joined> => {
  const { id, secret, pin } = parseJoinToken(request.token) ?? {};
  if (pin === undefined) throw new JoinFailure('the join token is not well formed: ID.SECRET.FINGERPRINT');
  const away: string[] = [];
  for (const url of request.controllerUrls) {
    try {
      return await joinAt(url, `${id}.${secret}`, pin, request);
    } catch (error) {
      if (!(error instanceof ServerAway)) throw error;
      away.push(error.message);
    }
  }
  throw new JoinFailure(away.join('; '));
};
