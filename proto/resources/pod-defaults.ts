/** Kubernetes' defaults of a pod: those that templates get too, and those that only a pod itself gets. */
import type { Container, LifecycleHandler, Pod, PodSpec, Probe, ResourceRequirements, Volume } from './kubernetes.ts';
import { canonicalQuantity } from './quantity.ts';

/** rw-r--r--, in decimal as JSON has it. */
const fileModeDefault = 0o644;
const tokenSecondsDefault = 3600;

/** Whether an image is named by the tag `latest`, or by no tag and no digest, which means the same. */
export const isLatest = (image: string): boolean => {
  if (image.includes('@')) return false;
  const name = image.slice(image.lastIndexOf('/') + 1);
  const colon = name.indexOf(':');
  return colon < 0 || name.slice(colon + 1) === 'latest';
};

const setHandlerDefaults = (handler: LifecycleHandler | Probe | undefined): void => {
  if (!handler?.httpGet) return;
  handler.httpGet.path ||= '/';
  handler.httpGet.scheme ||= 'HTTP';
};

const setProbeDefaults = (probe: Probe | undefined): void => {
  if (!probe) return;
  setHandlerDefaults(probe);
  // 0 means "not set" in these fields.
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.grpc) probe.grpc.service ??= '';
};

const canonicalize = (resources: ResourceRequirements): void => {
  for (const quantities of [resources.limits, resources.requests]) {
    for (const [name, quantity] of Object.entries(quantities ?? {})) {
      if (quantities) quantities[name] = canonicalQuantity(quantity);
    }
  }
};

const setContainerDefaults = (container: Container): void => {
  container.resources ??= {};
  canonicalize(container.resources);
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.imagePullPolicy ||= isLatest(container.image ?? '') ? 'Always' : 'IfNotPresent';
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1';
  }
  setProbeDefaults(container.livenessProbe);
  setProbeDefaults(container.readinessProbe);
  setProbeDefaults(container.startupProbe);
  setHandlerDefaults(container.lifecycle?.postStart);
  setHandlerDefaults(container.lifecycle?.preStop);
};

type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;

const setDownwardDefaults = (items: DownwardItems | undefined): void => {
  for (const { fieldRef } of items ?? []) if (fieldRef) fieldRef.apiVersion ||= 'v1';
};

const setVolumeDefaults = (volume: Volume): void => {
  const hasSource = Object.entries(volume).some(([field, source]) => field !== 'name' && source !== undefined && source !== null);
  if (!hasSource) volume.emptyDir = {};
  for (const source of [volume.configMap, volume.secret, volume.downwardAPI, volume.projected]) {
    if (source) source.defaultMode ??= fileModeDefault;
  }
  if (volume.emptyDir?.sizeLimit !== undefined) volume.emptyDir.sizeLimit = canonicalQuantity(volume.emptyDir.sizeLimit);
  if (volume.hostPath) volume.hostPath.type ??= '';
  setDownwardDefaults(volume.downwardAPI?.items);
  for (const source of volume.projected?.sources ?? []) {
    setDownwardDefaults(source.downwardAPI?.items);
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ||= tokenSecondsDefault;
  }
};

/** The defaults that pods and pod templates have in common. In place. */
export const setPodSpecDefaults = (spec: PodSpec): void => {
  spec.restartPolicy ||= 'Always';
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.schedulerName ||= 'default-scheduler';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.securityContext ??= {};
  // Two names of one field; clients read either.
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])]) {
    setContainerDefaults(container);
  }
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
};

/** What is limited and not requested is requested up to its limit. */
const requestLimits = ({ resources }: Container): void => {
  if (!resources?.limits) return;
  resources.requests = { ...resources.limits, ...resources.requests };
};

export const setPodDefaults = (pod: Pod): void => {
  const spec = pod.spec;
  if (!spec) return;
  setPodSpecDefaults(spec);
  spec.enableServiceLinks ??= true;
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  for (const container of containers) {
    requestLimits(container);
    if (!spec.hostNetwork) continue;
    for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
};
