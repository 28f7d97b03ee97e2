/**
 * The fields whose zero value (empty text, 0, false) says something. In all other optional fields it means the same as
 * absence: Kubernetes drops it on the way through its own types, and so must we, or the same manifest would be one
 * object written as JSON and another as protobuf. Source: the pointers among the fields of Kubernetes 1.32's API types.
 */
import { shortName } from './type-names.ts';

/** Short type name -> its fields, separated by spaces. */
export const fieldsWithZeros: Readonly<Record<string, string>> = {
  'apps.v1.DeploymentSpec': 'progressDeadlineSeconds replicas revisionHistoryLimit',
  'apps.v1.DeploymentStatus': 'collisionCount',
  'apps.v1.ReplicaSetSpec': 'replicas',
  'coordination.v1.LeaseSpec': 'holderIdentity leaseDurationSeconds leaseTransitions preferredHolder strategy',
  'core.v1.AppArmorProfile': 'localhostProfile',
  'core.v1.AzureDiskVolumeSource': 'cachingMode fsType readOnly',
  'core.v1.CSIVolumeSource': 'fsType readOnly',
  'core.v1.ClientIPConfig': 'timeoutSeconds',
  'core.v1.ClusterTrustBundleProjection': 'name optional signerName',
  'core.v1.ConfigMap': 'immutable',
  'core.v1.ConfigMapEnvSource': 'optional',
  'core.v1.ConfigMapKeySelector': 'optional',
  'core.v1.ConfigMapProjection': 'optional',
  'core.v1.ConfigMapVolumeSource': 'defaultMode optional',
  'core.v1.Container': 'restartPolicy',
  'core.v1.ContainerStatus': 'started',
  'core.v1.DownwardAPIVolumeFile': 'mode',
  'core.v1.DownwardAPIVolumeSource': 'defaultMode',
  'core.v1.EndpointAddress': 'nodeName',
  'core.v1.EndpointPort': 'appProtocol',
  'core.v1.EphemeralContainer': 'restartPolicy',
  'core.v1.Event': 'reportingComponent reportingInstance',
  'core.v1.FCVolumeSource': 'lun',
  'core.v1.GRPCAction': 'service',
  'core.v1.HostPathVolumeSource': 'type',
  'core.v1.ISCSIVolumeSource': 'initiatorName',
  'core.v1.KeyToPath': 'mode',
  'core.v1.LoadBalancerIngress': 'ipMode',
  'core.v1.NodeFeatures': 'supplementalGroupsPolicy',
  'core.v1.NodeRuntimeHandler': 'name',
  'core.v1.NodeRuntimeHandlerFeatures': 'recursiveReadOnlyMounts userNamespaces',
  'core.v1.PersistentVolumeClaimSpec': 'storageClassName volumeAttributesClassName volumeMode',
  'core.v1.PodDNSConfigOption': 'value',
  'core.v1.PodResourceClaim': 'resourceClaimName resourceClaimTemplateName',
  'core.v1.PodResourceClaimStatus': 'resourceClaimName',
  'core.v1.PodSecurityContext': 'fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser seLinuxChangePolicy supplementalGroupsPolicy',
  'core.v1.PodSpec':
    'activeDeadlineSeconds automountServiceAccountToken enableServiceLinks hostUsers preemptionPolicy ' +
    'priority runtimeClassName setHostnameAsFQDN shareProcessNamespace terminationGracePeriodSeconds',
  'core.v1.PortStatus': 'error',
  'core.v1.Probe': 'terminationGracePeriodSeconds',
  'core.v1.ProjectedVolumeSource': 'defaultMode',
  'core.v1.SeccompProfile': 'localhostProfile',
  'core.v1.Secret': 'immutable',
  'core.v1.SecretEnvSource': 'optional',
  'core.v1.SecretKeySelector': 'optional',
  'core.v1.SecretProjection': 'optional',
  'core.v1.SecretVolumeSource': 'defaultMode optional',
  'core.v1.SecurityContext': 'allowPrivilegeEscalation privileged procMount readOnlyRootFilesystem runAsGroup runAsNonRoot runAsUser',
  'core.v1.ServiceAccount': 'automountServiceAccountToken',
  'core.v1.ServiceAccountTokenProjection': 'expirationSeconds',
  'core.v1.ServicePort': 'appProtocol',
  'core.v1.ServiceSpec': 'allocateLoadBalancerNodePorts internalTrafficPolicy ipFamilyPolicy loadBalancerClass trafficDistribution',
  'core.v1.Toleration': 'tolerationSeconds',
  'core.v1.TopologySpreadConstraint': 'minDomains nodeAffinityPolicy nodeTaintsPolicy',
  'core.v1.TypedLocalObjectReference': 'apiGroup',
  'core.v1.TypedObjectReference': 'apiGroup namespace',
  'core.v1.VolumeMount': 'mountPropagation recursiveReadOnly',
  'core.v1.VolumeMountStatus': 'recursiveReadOnly',
  'core.v1.WindowsSecurityContextOptions': 'gmsaCredentialSpec gmsaCredentialSpecName hostProcess runAsUserName',
  'discovery.v1.Endpoint': 'hostname nodeName zone',
  'discovery.v1.EndpointConditions': 'ready serving terminating',
  'discovery.v1.EndpointPort': 'appProtocol name port protocol',
  'meta.v1.DeleteOptions': 'gracePeriodSeconds ignoreStoreReadErrorWithClusterBreakingPotential orphanDependents propagationPolicy',
  'meta.v1.ObjectMeta': 'deletionGracePeriodSeconds',
  'meta.v1.OwnerReference': 'blockOwnerDeletion controller',
  'meta.v1.Preconditions': 'resourceVersion uid',
  'policy.v1.PodDisruptionBudgetSpec': 'maxUnavailable minAvailable unhealthyPodEvictionPolicy',
};

const byType: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(fieldsWithZeros).map(([type, names]) => [type, new Set(names.split(' '))]),
);

/** Whether the zero value of a field is kept. `typeName` in full. */
export const keepsZero = (typeName: string, field: string): boolean => byType.get(shortName(typeName))?.has(field) === true;
