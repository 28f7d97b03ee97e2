/**
 * What a list is to server-side apply (x-kubernetes-list-type, x-kubernetes-list-map-keys) and which structs are
 * one value (x-kubernetes-map-type: atomic). OpenAPI tells clients; patches have rules of their own, see lists.ts.
 */
import { shortName } from './type-names.ts';

export interface ListType {
  readonly type: 'atomic' | 'set' | 'map';
  /** The fields that together tell the items of a map list apart. */
  readonly keys?: readonly string[];
}

interface Row {
  /** Field names, separated by spaces. */
  readonly atomic?: string;
  readonly set?: string;
  /** Field name -> key fields, separated by spaces. */
  readonly map?: Readonly<Record<string, string>>;
}

const rows: Readonly<Record<string, Row>> = {
  'apps.v1.DeploymentStatus': { map: { conditions: 'type' } },
  'apps.v1.ReplicaSetStatus': { map: { conditions: 'type' } },
  'core.v1.Capabilities': { atomic: 'add drop' },
  'core.v1.CephFSVolumeSource': { atomic: 'monitors' },
  'core.v1.ConfigMapProjection': { atomic: 'items' },
  'core.v1.ConfigMapVolumeSource': { atomic: 'items' },
  'core.v1.Container': {
    atomic: 'args command envFrom resizePolicy',
    map: { env: 'name', ports: 'containerPort protocol', volumeDevices: 'devicePath', volumeMounts: 'mountPath' },
  },
  'core.v1.ContainerImage': { atomic: 'names' },
  'core.v1.ContainerStatus': { map: { allocatedResourcesStatus: 'name', volumeMounts: 'mountPath' } },
  'core.v1.DownwardAPIProjection': { atomic: 'items' },
  'core.v1.DownwardAPIVolumeSource': { atomic: 'items' },
  'core.v1.EndpointSubset': { atomic: 'addresses notReadyAddresses ports' },
  'core.v1.Endpoints': { atomic: 'subsets' },
  'core.v1.EphemeralContainer': {
    atomic: 'args command envFrom resizePolicy',
    map: { env: 'name', ports: 'containerPort protocol', volumeDevices: 'devicePath', volumeMounts: 'mountPath' },
  },
  'core.v1.ExecAction': { atomic: 'command' },
  'core.v1.FCVolumeSource': { atomic: 'targetWWNs wwids' },
  'core.v1.HTTPGetAction': { atomic: 'httpHeaders' },
  'core.v1.HostAlias': { atomic: 'hostnames' },
  'core.v1.ISCSIVolumeSource': { atomic: 'portals' },
  'core.v1.LinuxContainerUser': { atomic: 'supplementalGroups' },
  'core.v1.LoadBalancerIngress': { atomic: 'ports' },
  'core.v1.LoadBalancerStatus': { atomic: 'ingress' },
  'core.v1.NamespaceSpec': { atomic: 'finalizers' },
  'core.v1.NamespaceStatus': { map: { conditions: 'type' } },
  'core.v1.NodeAffinity': { atomic: 'preferredDuringSchedulingIgnoredDuringExecution' },
  'core.v1.NodeSelector': { atomic: 'nodeSelectorTerms' },
  'core.v1.NodeSelectorRequirement': { atomic: 'values' },
  'core.v1.NodeSelectorTerm': { atomic: 'matchExpressions matchFields' },
  'core.v1.NodeSpec': { atomic: 'taints', set: 'podCIDRs' },
  'core.v1.NodeStatus': {
    atomic: 'images runtimeHandlers volumesAttached volumesInUse',
    map: { addresses: 'type', conditions: 'type' },
  },
  'core.v1.PersistentVolumeClaimSpec': { atomic: 'accessModes' },
  'core.v1.PodAffinity': {
    atomic: 'preferredDuringSchedulingIgnoredDuringExecution requiredDuringSchedulingIgnoredDuringExecution',
  },
  'core.v1.PodAffinityTerm': { atomic: 'matchLabelKeys mismatchLabelKeys namespaces' },
  'core.v1.PodAntiAffinity': {
    atomic: 'preferredDuringSchedulingIgnoredDuringExecution requiredDuringSchedulingIgnoredDuringExecution',
  },
  'core.v1.PodDNSConfig': { atomic: 'nameservers options searches' },
  'core.v1.PodSecurityContext': { atomic: 'supplementalGroups sysctls' },
  'core.v1.PodSpec': {
    atomic: 'readinessGates tolerations',
    map: {
      containers: 'name',
      ephemeralContainers: 'name',
      hostAliases: 'ip',
      imagePullSecrets: 'name',
      initContainers: 'name',
      resourceClaims: 'name',
      schedulingGates: 'name',
      topologySpreadConstraints: 'topologyKey whenUnsatisfiable',
      volumes: 'name',
    },
  },
  'core.v1.PodStatus': {
    atomic: 'containerStatuses ephemeralContainerStatuses hostIPs initContainerStatuses',
    map: { conditions: 'type', podIPs: 'ip', resourceClaimStatuses: 'name' },
  },
  'core.v1.ProjectedVolumeSource': { atomic: 'sources' },
  'core.v1.RBDVolumeSource': { atomic: 'monitors' },
  'core.v1.ResourceRequirements': { map: { claims: 'name' } },
  'core.v1.ResourceStatus': { map: { resources: 'resourceID' } },
  'core.v1.SecretProjection': { atomic: 'items' },
  'core.v1.SecretVolumeSource': { atomic: 'items' },
  'core.v1.ServiceAccount': { atomic: 'imagePullSecrets', map: { secrets: 'name' } },
  'core.v1.ServiceSpec': {
    atomic: 'clusterIPs externalIPs ipFamilies loadBalancerSourceRanges',
    map: { ports: 'port protocol' },
  },
  'core.v1.ServiceStatus': { map: { conditions: 'type' } },
  'core.v1.TopologySpreadConstraint': { atomic: 'matchLabelKeys' },
  'discovery.v1.Endpoint': { set: 'addresses' },
  'discovery.v1.EndpointHints': { atomic: 'forZones' },
  'discovery.v1.EndpointSlice': { atomic: 'endpoints ports' },
  'meta.v1.DeleteOptions': { atomic: 'dryRun' },
  'meta.v1.LabelSelector': { atomic: 'matchExpressions' },
  'meta.v1.LabelSelectorRequirement': { atomic: 'values' },
  'meta.v1.ObjectMeta': { atomic: 'managedFields', set: 'finalizers', map: { ownerReferences: 'uid' } },
  'policy.v1.PodDisruptionBudgetStatus': { map: { conditions: 'type' } },
};

const atomicTypes: ReadonlySet<string> = new Set([
  'core.v1.ConfigMapKeySelector', 'core.v1.EndpointAddress', 'core.v1.EndpointPort', 'core.v1.LocalObjectReference', 'core.v1.NodeSelector', 'core.v1.NodeSelectorTerm',
  'core.v1.ObjectFieldSelector', 'core.v1.ObjectReference', 'core.v1.ResourceFieldSelector', 'core.v1.SecretKeySelector',
  'core.v1.TypedLocalObjectReference', 'discovery.v1.EndpointPort', 'meta.v1.LabelSelector', 'meta.v1.OwnerReference',
]);
const atomicFields: ReadonlySet<string> = new Set(['core.v1.PodSpec.nodeSelector', 'core.v1.ServiceSpec.selector']);

/** The list type of a field; undefined when Kubernetes declares none (then it is atomic to server-side apply). */
export const listType = (typeName: string, field: string): ListType | undefined => {
  const name = shortName(typeName);
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
  if (row === undefined) return undefined;
  const keys = row.map !== undefined && Object.hasOwn(row.map, field) ? row.map[field] : undefined;
  if (keys !== undefined) return { type: 'map', keys: keys.split(' ') };
  if (row.set?.split(' ').includes(field)) return { type: 'set' };
  return row.atomic?.split(' ').includes(field) ? { type: 'atomic' } : undefined;
};

/** Whether objects of the type are one value, or the field's map is. */
export const isAtomicType = (typeName: string): boolean => atomicTypes.has(shortName(typeName));
export const isAtomicMap = (typeName: string, field: string): boolean => atomicFields.has(`${shortName(typeName)}.${field}`);
