/** What the query of a write says about how to write. */
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError, badRequest } from '../../proto/errors.ts';
import type { DecodedBody } from './body.ts';
import { isObject } from './json-equality.ts';
import { choiceParameter, countParameter, flagParameter, type Query, textParameter } from './query.ts';
import type { DeleteOptions, PropagationPolicy, User, WriteOptions } from './verbs.ts';

const managerMax = 128;
const policies: readonly PropagationPolicy[] = ['Orphan', 'Background', 'Foreground'];

/** The manager's name: as given, or the program's name in User-Agent. */
const fieldManagerOf = (query: Query, headers: IncomingHttpHeaders): string => {
  const given = textParameter(query, 'fieldManager');
  if (given === undefined) return (headers['user-agent'] ?? '').split('/', 1)[0]?.slice(0, managerMax) || 'unknown';
  if (given.length > managerMax) throw badRequest(`fieldManager: Too long: may not be more than ${managerMax} bytes`);
  if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(given)) throw badRequest('fieldManager: Invalid value: should only contain printable characters');
  return given;
};

/** Every value must be known: what was meant to be dry must never be stored. */
const isDryRun = (query: Query): boolean => {
  const values = query.getAll('dryRun');
  const unknown = values.find((value) => value !== 'All');
  if (unknown !== undefined) throw badRequest(`invalid value ${JSON.stringify(unknown.slice(0, 64))} for parameter dryRun: supported values: All`);
  return values.length > 0;
};

export interface Requester {
  readonly user: User;
  readonly headers: IncomingHttpHeaders;
  readonly query: Query;
  readonly warnings: string[];
}

/** Options of a write by Berth's own means, such as a binding: nothing that is checked against a schema. */
export const plainWriteOptions = ({ user, headers, query, warnings }: Requester): WriteOptions => ({
  user,
  fieldManager: fieldManagerOf(query, headers),
  dryRun: isDryRun(query),
  warn: (text) => void warnings.push(text),
});

/** Options of a write of an object that the client sent. @throws ApiError BadRequest */
export const writeOptionsOf = (requester: Requester, subresource: string | undefined, body: DecodedBody): WriteOptions => ({
  ...plainWriteOptions(requester),
  fieldValidation: choiceParameter(requester.query, 'fieldValidation', ['Strict', 'Warn', 'Ignore']) ?? 'Warn',
  duplicates: body.duplicates,
  ...(subresource === undefined ? {} : { subresource }),
});

const wrong = (field: string): Error => badRequest(`DeleteOptions: ${field} has a value that it cannot have`);

const graceOf = (value: unknown): number | undefined => {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrong('gracePeriodSeconds');
  return value;
};

/** The old word and the new one for the same; Kubernetes refuses to choose between them. */
const contradictory = (policy: PropagationPolicy): ApiError => {
  const field = 'propagationPolicy';
  const message = `Invalid value: ${JSON.stringify(policy)}: orphanDependents and deletionPropagation cannot be both set`;
  return new ApiError('Invalid', `DeleteOptions.meta.k8s.io "" is invalid: ${field}: ${message}`, {
    group: 'meta.k8s.io', kind: 'DeleteOptions', causes: [{ reason: 'FieldValueInvalid', message, field }],
  });
};

const policyOf = (value: unknown, orphan: unknown): PropagationPolicy | undefined => {
  if (value === undefined || value === null || value === '') return orphan === true ? 'Orphan' : orphan === false ? 'Background' : undefined;
  const policy = policies.find((candidate) => candidate === value);
  if (!policy) throw wrong('propagationPolicy');
  if (typeof orphan === 'boolean') throw contradictory(policy);
  return policy;
};

const preconditionsOf = (value: unknown): DeleteOptions['preconditions'] => {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw wrong('preconditions');
  const { uid, resourceVersion } = value;
  for (const text of [uid, resourceVersion]) {
    if (text !== undefined && text !== null && typeof text !== 'string') throw wrong('preconditions');
  }
  return {
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
};

/** DeleteOptions from the body, where there is one, else from the query. @throws ApiError BadRequest, Invalid */
export const deleteOptionsOf = (requester: Requester, value: unknown): DeleteOptions => {
  const { query } = requester;
  const base = plainWriteOptions(requester);
  if (value !== undefined && value !== null && !isObject(value)) throw badRequest('DeleteOptions must be an object');
  const body: Record<string, unknown> = isObject(value) ? value : {};
  const { kind, dryRun } = body;
  if (kind !== undefined && kind !== 'DeleteOptions' && kind !== '') throw badRequest(`a ${String(kind)} cannot be handled as a DeleteOptions`);
  if (dryRun !== undefined && dryRun !== null && !(Array.isArray(dryRun) && dryRun.every((each) => each === 'All'))) throw wrong('dryRun');
  const grace = graceOf(body['gracePeriodSeconds']) ?? countParameter(query, 'gracePeriodSeconds');
  const orphan = body['orphanDependents'] ?? (query.has('orphanDependents') ? flagParameter(query, 'orphanDependents') : undefined);
  const policy = policyOf(body['propagationPolicy'] ?? choiceParameter(query, 'propagationPolicy', policies), orphan);
  const preconditions = preconditionsOf(body['preconditions']);
  return {
    ...base,
    dryRun: base.dryRun === true || (Array.isArray(dryRun) && dryRun.length > 0),
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(policy ? { propagationPolicy: policy } : {}),
    ...(preconditions ? { preconditions } : {}),
  };
};
