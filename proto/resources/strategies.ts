/** The registry: a strategy for every kind, made of the rules of the kind and of those that hold for all. */
import { assert } from '../process/assert.ts';
import {
  configMapKind, deploymentKind, endpointsKind, endpointSliceKind, eventKind, type Kind, leaseKind, namespaceKind, nodeKind,
  podDisruptionBudgetKind, podKind, replicaSetKind, secretKind, serviceAccountKind, serviceKind,
} from '../kinds.ts';
import { configMapRules } from './config-map.ts';
import { deploymentRules } from './deployment.ts';
import { endpointSliceRules } from './endpoint-slice.ts';
import { endpointsRules } from './endpoints.ts';
import { eventRules } from './event.ts';
import type { KubeObject } from './kubernetes.ts';
import { leaseRules } from './lease.ts';
import { keepServerFields, validateMetadata, validateMetadataUpdate } from './metadata-validation.ts';
import { namespaceRules } from './namespace.ts';
import { nodeRules } from './node.ts';
import { podDisruptionBudgetRules } from './pod-disruption-budget.ts';
import { podRules } from './pod-rules.ts';
import { replicaSetRules } from './replica-set.ts';
import { secretRules } from './secret.ts';
import { serviceRules } from './service.ts';
import { serviceAccountRules } from './service-account.ts';
import type { KindRules, Strategy } from './strategy.ts';

/** What a write of status leaves as it is, but for what tells one write from another. */
const keepAllButStatus = (object: KubeObject, old: KubeObject): void => {
  const { resourceVersion, managedFields } = object.metadata;
  const status = object['status'];
  for (const field of Object.keys(object)) delete (object as Record<string, unknown>)[field];
  Object.assign(object, structuredClone(old), { status });
  if (resourceVersion === undefined) delete object.metadata.resourceVersion;
  else object.metadata.resourceVersion = resourceVersion;
  if (managedFields !== undefined) object.metadata.managedFields = managedFields;
};

const keepStatus = (object: KubeObject, old: KubeObject): void => {
  if (old['status'] === undefined) delete object['status'];
  else object['status'] = structuredClone(old['status']);
};

const compose = (kind: Kind, rules: KindRules): Strategy => {
  const hasStatus = kind.subresources.includes('status');
  return {
    setDefaults: (object) => rules.setDefaults?.(object),
    prepareForCreate(object) {
      if (hasStatus) object['status'] = rules.initialStatus?.(object) ?? {};
      rules.prepareForCreate?.(object);
    },
    prepareForUpdate(object, old, subresource) {
      if (subresource === 'status') keepAllButStatus(object, old);
      else if (hasStatus) keepStatus(object, old);
      keepServerFields(object, old);
      rules.prepareForUpdate?.(object, old, subresource);
    },
    validateCreate: (object) => [
      ...validateMetadata(object, kind, rules.name),
      ...(rules.validate?.(object) ?? []),
      ...(rules.validateNew?.(object) ?? []),
    ],
    validateUpdate(object, old, subresource) {
      const errors = validateMetadataUpdate(object, old);
      if (subresource === 'status') return [...errors, ...(rules.validateStatus?.(object, old) ?? [])];
      return [
        ...errors,
        ...validateMetadata(object, kind, rules.name),
        ...(rules.validate?.(object) ?? []),
        ...(rules.validateUpdate?.(object, old) ?? []),
      ];
    },
    warnings: (object, old) => rules.warnings?.(object, old) ?? [],
  };
};

const strategies: ReadonlyMap<Kind, Strategy> = new Map(
  (
    [
      [namespaceKind, namespaceRules],
      [nodeKind, nodeRules],
      [podKind, podRules],
      [eventKind, eventRules],
      [configMapKind, configMapRules],
      [secretKind, secretRules],
      [serviceAccountKind, serviceAccountRules],
      [serviceKind, serviceRules],
      [replicaSetKind, replicaSetRules],
      [deploymentKind, deploymentRules],
      [leaseKind, leaseRules],
      [endpointsKind, endpointsRules],
      [endpointSliceKind, endpointSliceRules],
      [podDisruptionBudgetKind, podDisruptionBudgetRules],
    ] as readonly (readonly [Kind, KindRules])[]
  ).map(([kind, rules]) => [kind, compose(kind, rules)]),
);

export const strategyFor = (kind: Kind): Strategy => {
  const strategy = strategies.get(kind);
  assert(strategy, `no strategy for ${kind.kind}`);
  return strategy;
};
