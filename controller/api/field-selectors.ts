/** Which fields of which kind a fieldSelector may ask for, and their values. */
import { badRequest } from '../../proto/errors.ts';
import {
  eventKind, type Kind, namespaceKind, nodeKind, podKind, replicaSetKind, secretKind,
} from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { type FieldRequirement, parseFieldSelector } from '../../proto/resources/selector.ts';
import { isObject } from './json-equality.ts';

/** Where a field is when its name is not its path, and what it says when absent. */
interface Field {
  readonly name: string;
  readonly path?: string;
  readonly absent?: string;
}

const named = (...names: readonly string[]): Field[] => names.map((name) => ({ name }));

const everywhere = named('metadata.name', 'metadata.namespace');

const fieldsByKind = new Map<Kind, readonly Field[]>([
  [podKind, named('spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'spec.hostNetwork',
    'status.phase', 'status.podIP', 'status.nominatedNodeName').map((field) => (field.name === 'spec.hostNetwork' ? { ...field, absent: 'false' } : field))],
  [eventKind, [
    ...named('involvedObject.kind', 'involvedObject.namespace', 'involvedObject.name', 'involvedObject.uid',
      'involvedObject.apiVersion', 'involvedObject.resourceVersion', 'involvedObject.fieldPath', 'reason', 'reportingComponent', 'type'),
    { name: 'source', path: 'source.component' },
  ]],
  [secretKind, named('type')],
  [nodeKind, [{ name: 'spec.unschedulable', absent: 'false' }]],
  [replicaSetKind, [{ name: 'status.replicas', absent: '0' }]],
  [namespaceKind, named('status.phase')],
]);

const valueAt = (object: KubeObject, { name, path = name, absent = '' }: Field): string => {
  let value: unknown = object;
  for (const step of path.split('.')) value = isObject(value) ? value[step] : undefined;
  return value === undefined || value === null ? absent : String(value);
};

export interface FieldSelector {
  readonly matches: (object: KubeObject) => boolean;
  /** The one name that can match, when the selector says so: then nothing else needs a look. */
  readonly name: string | undefined;
  /** The same for a node's name, for pods. */
  readonly nodeName: string | undefined;
}

const only = (requirements: readonly FieldRequirement[], field: string): string | undefined =>
  requirements.find((requirement) => requirement.field === field && !requirement.negated)?.value;

/** @throws ApiError BadRequest for a field that the kind cannot be selected by. */
export const fieldSelectorFor = (kind: Kind, text: string): FieldSelector => {
  const requirements = parseFieldSelector(text);
  const known = [...everywhere, ...(fieldsByKind.get(kind) ?? [])];
  const checks = requirements.map((requirement) => {
    const field = known.find(({ name }) => name === requirement.field);
    if (!field) throw badRequest(`field label not supported: ${requirement.field}`);
    return { ...requirement, field };
  });
  return {
    matches: (object) => checks.every(({ field, value, negated }) => (valueAt(object, field) === value) !== negated),
    name: only(requirements, 'metadata.name'),
    nodeName: kind === podKind ? only(requirements, 'spec.nodeName') : undefined,
  };
};
