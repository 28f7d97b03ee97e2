/** Answers: bytes with a type, compressed when it pays, and failures as Status. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ApiError } from '../../proto/errors.ts';
import { gzipBytesMin } from '../limits.ts';
import { acceptsGzip } from './negotiation.ts';

const compress = promisify(gzip);

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly contentType?: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Compressing large lists is worth little effort: they are read once. */
const gzipLevel = 1;

/** Ends the request with the answer. */
export const send = async (request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> => {
  const { status, contentType = 'application/json', headers = {} } = answer;
  let { body } = answer;
  if (!('content-encoding' in headers) && body.length >= gzipBytesMin && acceptsGzip(request.headers['accept-encoding'])) {
    body = await compress(body, { level: gzipLevel });
    response.setHeader('Content-Encoding', 'gzip');
    response.setHeader('Vary', 'Accept-Encoding');
  }
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': contentType,
    'cache-control': 'no-cache, private',
    ...headers,
    'content-length': body.length,
  });
  response.end(body);
};

export const jsonAnswer = (status: number, value: object, contentType?: string): Answer => ({
  status,
  body: Buffer.from(JSON.stringify(value)),
  ...(contentType ? { contentType } : {}),
});

export const textAnswer = (status: number, text: string): Answer => ({
  status,
  body: Buffer.from(text),
  contentType: 'text/plain; charset=utf-8',
});

export const errorAnswer = (error: ApiError, headers: Readonly<Record<string, string>> = {}): Answer => {
  const seconds = error.details?.retryAfterSeconds;
  return {
    ...jsonAnswer(error.code, error.toStatus()),
    headers: { ...headers, ...(seconds === undefined ? {} : { 'retry-after': String(seconds) }) },
  };
};

const warningTextMax = 1_024;
const warningsMax = 32;

/** Puts texts into Warning headers; characters that a header cannot carry are replaced. */
export const setWarnings = (response: ServerResponse, texts: readonly string[]): void => {
  if (texts.length === 0 || response.headersSent) return;
  const headers = [...new Set(texts)].slice(0, warningsMax).map((text) => {
    const printable = text.slice(0, warningTextMax).replace(/[^\x20-\x7e]/g, '?').replace(/[\\"]/g, '\\$&');
    return `299 - "${printable}"`;
  });
  response.setHeader('Warning', headers);
};
