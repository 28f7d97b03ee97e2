/**
 * The fields that take one of a few words. OpenAPI documents tell them (`kubectl explain` lists them); what the API
 * refuses is for validation in proto/resources to say. Source: the constants of Kubernetes 1.32's API packages.
 */
import { shortName } from './type-names.ts';

const schemes = 'HTTP HTTPS';
const protocols = 'SCTP TCP UDP';
const pullPolicies = 'Always IfNotPresent Never';
const messagePolicies = 'FallbackToLogsOnError File';
const selectorOperators = 'DoesNotExist Exists Gt In Lt NotIn';
const taintEffects = 'NoExecute NoSchedule PreferNoSchedule';
const inclusionPolicies = 'Honor Ignore';
const profileTypes = 'Localhost RuntimeDefault Unconfined';
const container = { imagePullPolicy: pullPolicies, terminationMessagePolicy: messagePolicies };

/** Short type name -> field -> its words, separated by spaces. */
const words: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'apps.v1.DeploymentStrategy': { type: 'Recreate RollingUpdate' },
  'core.v1.AppArmorProfile': { type: profileTypes },
  'core.v1.Container': container,
  'core.v1.ContainerPort': { protocol: protocols },
  'core.v1.EndpointPort': { protocol: protocols },
  'core.v1.EphemeralContainer': container,
  'core.v1.HTTPGetAction': { scheme: schemes },
  'core.v1.NamespaceStatus': { phase: 'Active Terminating' },
  'core.v1.NodeSelectorRequirement': { operator: selectorOperators },
  'core.v1.PodOS': { name: 'linux windows' },
  'core.v1.PodSecurityContext': { fsGroupChangePolicy: 'Always OnRootMismatch', supplementalGroupsPolicy: 'Merge Strict' },
  'core.v1.PodSpec': {
    dnsPolicy: 'ClusterFirst ClusterFirstWithHostNet Default None',
    preemptionPolicy: 'Never PreemptLowerPriority',
    restartPolicy: 'Always Never OnFailure',
  },
  'core.v1.PodStatus': { phase: 'Failed Pending Running Succeeded Unknown', qosClass: 'BestEffort Burstable Guaranteed' },
  'core.v1.SeccompProfile': { type: profileTypes },
  'core.v1.SecurityContext': { procMount: 'Default Unmasked' },
  'core.v1.ServicePort': { protocol: protocols },
  'core.v1.ServiceSpec': {
    externalTrafficPolicy: 'Cluster Local',
    internalTrafficPolicy: 'Cluster Local',
    ipFamilyPolicy: 'PreferDualStack RequireDualStack SingleStack',
    sessionAffinity: 'ClientIP None',
    type: 'ClusterIP ExternalName LoadBalancer NodePort',
  },
  'core.v1.Taint': { effect: taintEffects },
  'core.v1.Toleration': { effect: taintEffects, operator: 'Equal Exists' },
  'core.v1.TopologySpreadConstraint': {
    nodeAffinityPolicy: inclusionPolicies,
    nodeTaintsPolicy: inclusionPolicies,
    whenUnsatisfiable: 'DoNotSchedule ScheduleAnyway',
  },
  'core.v1.VolumeMount': { mountPropagation: 'Bidirectional HostToContainer None' },
  'discovery.v1.EndpointPort': { protocol: protocols },
  'discovery.v1.EndpointSlice': { addressType: 'FQDN IPv4 IPv6' },
  'policy.v1.PodDisruptionBudgetSpec': { unhealthyPodEvictionPolicy: 'AlwaysAllow IfHealthyBudget' },
};

/** The words that a field takes, or undefined when it is not one of these fields. */
export const enumOf = (typeName: string, field: string): readonly string[] | undefined => {
  const name = shortName(typeName);
  const fields = Object.hasOwn(words, name) ? words[name] : undefined;
  return fields !== undefined && Object.hasOwn(fields, field) ? fields[field]?.split(' ') : undefined;
};

/** Every field that has words, as `type.field`; for tests. */
export const enumFields = (): readonly (readonly [typeName: string, field: string])[] =>
  Object.entries(words).flatMap(([name, fields]) => Object.keys(fields).map((field) => [name, field] as const));
