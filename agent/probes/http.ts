/** HTTP for probes and hooks: one request, no connection kept, certificates not checked, as the kubelet does. */
import * as http from 'node:http';
import * as https from 'node:https';
import { isIPv6 } from 'node:net';
import type { Container } from '../../proto/resources/kubernetes.ts';
import { probeBodyBytesMax, probeRedirectsMax } from '../limits.ts';

export interface HttpTarget {
  readonly host: string;
  readonly port: number;
  readonly scheme: 'http' | 'https';
  /** With its query, e.g. `/healthz?full=1`. */
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/** A port that the container does not have by that name. */
export class UnknownPort extends Error {
  override readonly name = 'UnknownPort';
}

/** The number of a port given by number or by name. Throws UnknownPort. */
export const portNumber = (port: string | number, container: Container): number => {
  const number = Number(port);
  if (Number.isInteger(number) && number > 0) return number;
  const named = container.ports?.find((item) => item.name === port);
  if (named === undefined) throw new UnknownPort(`couldn't find port: ${JSON.stringify(port)} in container ${container.name}`);
  return named.containerPort;
};

const headersOf = (target: HttpTarget): Record<string, string | string[]> => {
  const headers: Record<string, string | string[]> = { 'user-agent': 'kube-probe/1.32', accept: '*/*', connection: 'close' };
  const own = new Map<string, string[]>();
  for (const { name, value } of target.headers) {
    const key = name.toLowerCase();
    own.set(key, [...(own.get(key) ?? []), value]);
  }
  for (const [name, values] of own) {
    // An empty value takes a default header away.
    if (values.every((value) => value === '')) delete headers[name];
    else headers[name] = values.length === 1 ? (values[0] as string) : values;
  }
  return headers;
};

/** Reads what a short answer has, so that its server is not cut off while it writes. */
const drain = async (response: http.IncomingMessage): Promise<void> => {
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length >= probeBodyBytesMax) break;
  }
};

const urlOf = (target: HttpTarget): URL => {
  const host = isIPv6(target.host) ? `[${target.host}]` : target.host;
  return new URL(target.path.startsWith('/') ? target.path : `/${target.path}`, `${target.scheme}://${host}:${target.port}`);
};

const requestOnce = (url: URL, headers: Record<string, string | string[]>, signal: AbortSignal): Promise<http.IncomingMessage> =>
  new Promise((resolve, reject) => {
    const options = { method: 'GET', headers, agent: false as const, signal, rejectUnauthorized: false };
    const request = url.protocol === 'https:' ? https.request(url, options) : http.request(url, options);
    request.once('response', (response) => {
      // A connection that breaks while the body is read; the reader hears of it by itself.
      response.on('error', () => undefined);
      resolve(response);
    });
    request.on('error', reject);
    request.end();
  });

/** Resolves to the status. Follows redirects to the same host; one to another host is an answer of its own. */
export const httpGet = async (target: HttpTarget, signal: AbortSignal): Promise<number> => {
  let url = urlOf(target);
  const headers = headersOf(target);
  for (let redirects = 0; ; redirects += 1) {
    const response = await requestOnce(url, headers, signal);
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    const next = status >= 300 && status < 400 && location && URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (next?.hostname === url.hostname && redirects < probeRedirectsMax) {
      response.destroy();
      url = next;
      continue;
    }
    try {
      await drain(response);
      return status;
    } finally {
      response.destroy();
    }
  }
};
