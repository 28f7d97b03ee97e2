/**
 * Every failure that the API can answer with, in one table: reason <-> HTTP status. A failure is thrown as an
 * `ApiError` wherever it is found and becomes a Kubernetes `Status` at the edge; nobody matches on its message.
 */
import { type Kind, qualifiedKind, qualifiedResource } from './kinds.ts';
import type { StatusDetails } from './resources/kubernetes.ts';

export const statusCodes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  Gone: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;

export type Reason = keyof typeof statusCodes;

/** Kubernetes' causes of an Invalid answer. */
export type CauseReason =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueDuplicate'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'FieldValueNotFound';

/** One thing wrong with one field; `message` is without the path. */
export interface FieldError {
  readonly reason: CauseReason;
  /** Path such as `spec.containers[0].image`. */
  readonly field: string;
  readonly message: string;
}

export interface StatusObject {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, never>;
  status: 'Failure' | 'Success';
  message?: string;
  reason?: Reason;
  details?: StatusDetails;
  code: number;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: Reason;
  readonly details: StatusDetails | undefined;

  constructor(reason: Reason, message: string, details?: StatusDetails, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.details = details;
  }

  get code(): number {
    return statusCodes[this.reason];
  }

  toStatus(): StatusObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    };
  }
}

const named = (kind: Kind, name: string): StatusDetails => ({
  name,
  ...(kind.group ? { group: kind.group } : {}),
  kind: kind.plural,
});

export const notFound = (kind: Kind, name: string): ApiError =>
  new ApiError('NotFound', `${qualifiedResource(kind)} "${name}" not found`, named(kind, name));

/** The answer to a path or subresource that is not served. */
export const noSuchResource = (): ApiError => new ApiError('NotFound', 'the server could not find the requested resource', {});

export const alreadyExists = (kind: Kind, name: string): ApiError =>
  new ApiError('AlreadyExists', `${qualifiedResource(kind)} "${name}" already exists`, named(kind, name));

/** `why` defaults to the words clients show when a resourceVersion is stale. */
export const conflict = (
  kind: Kind,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): ApiError =>
  new ApiError('Conflict', `Operation cannot be fulfilled on ${qualifiedResource(kind)} "${name}": ${why}`, named(kind, name));

/** An object that is wrong in thousands of places is answered with the first: nobody reads more, and a body must not grow on its way back. */
const causesMax = 64;

export const invalid = (kind: Kind, name: string, all: readonly FieldError[]): ApiError => {
  const errors = all.slice(0, causesMax);
  const texts = errors.map((error) => `${error.field}: ${error.message}`);
  if (all.length > causesMax) texts.push(`and ${all.length - causesMax} more`);
  const summary = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new ApiError('Invalid', `${qualifiedKind(kind)} "${name}" is invalid: ${summary}`, {
    name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.kind,
    causes: errors.map(({ reason, message, field }) => ({ reason, message, field })),
  });
};

export const badRequest = (message: string): ApiError => new ApiError('BadRequest', message);

export const forbidden = (kind: Kind, name: string, why: string): ApiError =>
  new ApiError('Forbidden', `${qualifiedResource(kind)}${name ? ` "${name}"` : ''} is forbidden: ${why}`, named(kind, name));

export const expired = (message = 'The provided resource version is too old; list again and watch from there'): ApiError =>
  new ApiError('Expired', message);

/** The store cannot be written or asked now; clients retry after `retryAfterSeconds`. */
export const unavailable = (message: string, retryAfterSeconds = 1): ApiError =>
  new ApiError('ServiceUnavailable', message, { retryAfterSeconds });

export const isApiError = (error: unknown, reason?: Reason): error is ApiError =>
  error instanceof ApiError && (reason === undefined || error.reason === reason);
