/**
 * How strategic merge patches treat lists and structs that are not simply replaced: Kubernetes'
 * x-kubernetes-patch-merge-key and x-kubernetes-patch-strategy. A field without a row: lists are replaced whole,
 * structs and maps are merged field by field.
 */
import { shortName } from './type-names.ts';

export interface MergeRule {
  /** For a list: merged item by item. */
  readonly merge?: true;
  /** For a list of structs: the field that tells its items apart. */
  readonly key?: string;
  /** For a struct: a change replaces it whole. */
  readonly replace?: true;
  /** A change names all fields that stay ($retainKeys), for structs of which one field excludes others. */
  readonly retainKeys?: true;
}

const by = (key: string): MergeRule => ({ merge: true, key });
const retained = (rule: MergeRule): MergeRule => ({ ...rule, retainKeys: true });
/** A list of scalars that is a set. */
const merged: MergeRule = { merge: true };

type Rules = Readonly<Record<string, MergeRule>>;

const rules: Readonly<Record<string, Rules>> = {
  'apps.v1.DeploymentSpec': { strategy: { retainKeys: true } },
  'apps.v1.DeploymentStatus': { conditions: by('type') },
  'apps.v1.ReplicaSetStatus': { conditions: by('type') },
  'core.v1.Container': {
    env: by('name'),
    ports: by('containerPort'),
    volumeDevices: by('devicePath'),
    volumeMounts: by('mountPath'),
  },
  'core.v1.ContainerStatus': { allocatedResourcesStatus: by('name'), volumeMounts: by('mountPath') },
  'core.v1.EphemeralContainer': {
    env: by('name'),
    ports: by('containerPort'),
    volumeDevices: by('devicePath'),
    volumeMounts: by('mountPath'),
  },
  'core.v1.NamespaceStatus': { conditions: by('type') },
  'core.v1.NodeSpec': { podCIDRs: merged },
  'core.v1.NodeStatus': { addresses: by('type'), conditions: by('type') },
  'core.v1.PodSpec': {
    containers: by('name'),
    ephemeralContainers: by('name'),
    hostAliases: by('ip'),
    imagePullSecrets: by('name'),
    initContainers: by('name'),
    resourceClaims: retained(by('name')),
    schedulingGates: by('name'),
    topologySpreadConstraints: by('topologyKey'),
    volumes: retained(by('name')),
  },
  'core.v1.PodStatus': {
    conditions: by('type'),
    hostIPs: by('ip'),
    podIPs: by('ip'),
    resourceClaimStatuses: retained(by('name')),
  },
  'core.v1.ServiceAccount': { secrets: by('name') },
  'core.v1.ServiceSpec': { ports: by('port') },
  'core.v1.ServiceStatus': { conditions: by('type') },
  'meta.v1.ObjectMeta': { finalizers: merged, ownerReferences: by('uid') },
  'policy.v1.PodDisruptionBudgetSpec': { selector: { replace: true } },
  'policy.v1.PodDisruptionBudgetStatus': { conditions: by('type') },
};

const none: Rules = {};

/** The rules of a type's fields; the type's name in full or short. */
export const mergeRulesOf = (typeName: string): Rules => {
  const name = shortName(typeName);
  return Object.hasOwn(rules, name) ? (rules[name] ?? none) : none;
};

export const mergeRule = (typeName: string | undefined, field: string): MergeRule | undefined => {
  if (typeName === undefined) return undefined;
  const found = mergeRulesOf(typeName);
  return Object.hasOwn(found, field) ? found[field] : undefined;
};
