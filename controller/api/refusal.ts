/** Answers to connections that bring no request to answer: whole HTTP messages, after which the connection ends. */
import { badRequest, type StatusObject } from '../../proto/errors.ts';

const message = (line: string, status: StatusObject): string => {
  const body = JSON.stringify(status);
  return `HTTP/1.1 ${line}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
};

export const malformedAnswer = (): string =>
  message('400 Bad Request', badRequest('the request is malformed, or its head is too large').toStatus());

export const plainHttpAnswer = (): string => message('400 Bad Request', badRequest('Client sent an HTTP request to an HTTPS server.').toStatus());

/** 408 is no answer to anything that the API was asked, so it is not in the table of reasons. */
export const tooSlowAnswer = (): string =>
  message('408 Request Timeout', { ...badRequest('the request took too long to arrive').toStatus(), reason: 'Timeout', code: 408 });
