/**
 * The object model: Kubernetes' own JSON shapes, as they are in YAML, on the wire, in etcd and in memory.
 *
 * The types are derived from the generated classes of the official client, which differ from the JSON in two
 * ways that `Json` undoes: times are `Date` there and RFC 3339 strings here, and names that JavaScript reserves
 * carry a leading underscore there.
 */
import type * as k from '@kubernetes/client-node';

type Unreserved<K> = K extends `_${infer Rest}` ? Rest : K;

/** The JSON form of a generated class. */
export type Json<T> = T extends Date
  ? string
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends (infer Item)[]
      ? Json<Item>[]
      : T extends object
        ? { [K in keyof T as Unreserved<K>]: Json<T[K]> }
        : T;

export type ObjectMeta = Json<k.V1ObjectMeta>;
export type OwnerReference = Json<k.V1OwnerReference>;
export type LabelSelector = Json<k.V1LabelSelector>;

/** Any object of any kind: what generic code (store, API verbs, patches) works on. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

type Typed<T, K extends string, V extends string> = Omit<Json<T>, 'apiVersion' | 'kind' | 'metadata'> & {
  apiVersion: V;
  kind: K;
  metadata: ObjectMeta;
  // Makes every typed object assignable to KubeObject.
  [field: string]: unknown;
};

export type Namespace = Typed<k.V1Namespace, 'Namespace', 'v1'>;
export type Node = Typed<k.V1Node, 'Node', 'v1'>;
export type Pod = Typed<k.V1Pod, 'Pod', 'v1'>;
export type Event = Typed<k.CoreV1Event, 'Event', 'v1'>;
export type ConfigMap = Typed<k.V1ConfigMap, 'ConfigMap', 'v1'>;
export type Secret = Typed<k.V1Secret, 'Secret', 'v1'>;
export type ServiceAccount = Typed<k.V1ServiceAccount, 'ServiceAccount', 'v1'>;
export type Service = Typed<k.V1Service, 'Service', 'v1'>;
export type EndpointSlice = Typed<k.V1EndpointSlice, 'EndpointSlice', 'discovery.k8s.io/v1'>;
export type ReplicaSet = Typed<k.V1ReplicaSet, 'ReplicaSet', 'apps/v1'>;
export type Deployment = Typed<k.V1Deployment, 'Deployment', 'apps/v1'>;
export type Lease = Typed<k.V1Lease, 'Lease', 'coordination.k8s.io/v1'>;
export type Endpoints = Typed<k.V1Endpoints, 'Endpoints', 'v1'>;
export type PodDisruptionBudget = Typed<k.V1PodDisruptionBudget, 'PodDisruptionBudget', 'policy/v1'>;
export type Scale = Typed<k.V1Scale, 'Scale', 'autoscaling/v1'>;

export type NodeSpec = Json<k.V1NodeSpec>;
export type NodeStatus = Json<k.V1NodeStatus>;
export type NodeCondition = Json<k.V1NodeCondition>;
export type Taint = Json<k.V1Taint>;
export type Toleration = Json<k.V1Toleration>;
export type Affinity = Json<k.V1Affinity>;
export type NodeSelectorTerm = Json<k.V1NodeSelectorTerm>;
export type PodSpec = Json<k.V1PodSpec>;
export type PodStatus = Json<k.V1PodStatus>;
export type PodCondition = Json<k.V1PodCondition>;
export type PodTemplateSpec = Json<k.V1PodTemplateSpec>;
export type Container = Json<k.V1Container>;
export type ContainerPort = Json<k.V1ContainerPort>;
export type ContainerStatus = Json<k.V1ContainerStatus>;
export type ContainerState = Json<k.V1ContainerState>;
export type Probe = Json<k.V1Probe>;
export type LifecycleHandler = Json<k.V1LifecycleHandler>;
export type EnvVar = Json<k.V1EnvVar>;
export type EnvFromSource = Json<k.V1EnvFromSource>;
export type ResourceRequirements = Json<k.V1ResourceRequirements>;
export type SecurityContext = Json<k.V1SecurityContext>;
export type PodSecurityContext = Json<k.V1PodSecurityContext>;
export type Volume = Json<k.V1Volume>;
export type VolumeMount = Json<k.V1VolumeMount>;
export type DeploymentSpec = Json<k.V1DeploymentSpec>;
export type DeploymentStatus = Json<k.V1DeploymentStatus>;
export type DeploymentCondition = Json<k.V1DeploymentCondition>;
export type ReplicaSetStatus = Json<k.V1ReplicaSetStatus>;
export type ServiceSpec = Json<k.V1ServiceSpec>;
export type ServicePort = Json<k.V1ServicePort>;
export type Endpoint = Json<k.V1Endpoint>;
export type EndpointPort = Json<k.DiscoveryV1EndpointPort>;
export type EndpointSubset = Json<k.V1EndpointSubset>;
export type EndpointAddress = Json<k.V1EndpointAddress>;
export type ObjectReference = Json<k.V1ObjectReference>;
/** What an error answer carries; see proto/errors.ts. */
export type StatusDetails = Json<k.V1StatusDetails>;
