/** Containers of a pod or of a pod template in words. Pure. */
import type { Container, ContainerState, ContainerStatus, EnvVar, Probe, Volume } from '../../proto/resources/kubernetes.ts';
import { type Entry, pairLines, timeText } from './layout.ts';

const stateLines = (state: ContainerState | null | undefined, nowMs: number): readonly string[] | undefined => {
  if (state?.running) return [`Running since ${timeText(state.running.startedAt, nowMs) ?? '<unknown>'}`];
  if (state?.waiting) return [`Waiting: ${state.waiting.reason ?? 'to start'}`, ...(state.waiting.message ? [state.waiting.message] : [])];
  const end = state?.terminated;
  if (!end) return undefined;
  const how = end.signal ? `signal ${end.signal}` : `exit code ${end.exitCode}`;
  return [
    `Terminated: ${end.reason ?? 'ended'}, ${how}`,
    ...(end.startedAt ? [`from ${timeText(end.startedAt, nowMs)}`] : []),
    ...(end.finishedAt ? [`to ${timeText(end.finishedAt, nowMs)}`] : []),
    ...(end.message ? [end.message.trimEnd()] : []),
  ];
};

const quantities = (list: Readonly<Record<string, string>> | null | undefined): string | undefined =>
  list && Object.keys(list).length > 0 ? Object.entries(list).map(([name, amount]) => `${name} ${amount}`).join(', ') : undefined;

const probeText = (probe: Probe | null | undefined): string | undefined => {
  if (!probe) return undefined;
  const { httpGet, tcpSocket, exec, grpc } = probe;
  const what = httpGet ? `${(httpGet.scheme ?? 'HTTP').toLowerCase()}-get :${String(httpGet.port)}${httpGet.path ?? '/'}`
    : tcpSocket ? `tcp-socket :${String(tcpSocket.port)}`
    : grpc ? `grpc :${grpc.port}`
    : `exec [${(exec?.command ?? []).join(' ')}]`;
  return `${what} delay=${probe.initialDelaySeconds ?? 0}s timeout=${probe.timeoutSeconds ?? 1}s period=${probe.periodSeconds ?? 10}s #success=${probe.successThreshold ?? 1} #failure=${probe.failureThreshold ?? 3}`;
};

/** Where a value comes from is told; a secret's value is never shown. */
const envText = ({ name, value, valueFrom }: EnvVar): string => {
  if (valueFrom?.secretKeyRef) return `${name}: <key ${valueFrom.secretKeyRef.key} of secret ${valueFrom.secretKeyRef.name}>`;
  if (valueFrom?.configMapKeyRef) return `${name}: <key ${valueFrom.configMapKeyRef.key} of configmap ${valueFrom.configMapKeyRef.name}>`;
  if (valueFrom?.fieldRef) return `${name}: (${valueFrom.fieldRef.fieldPath})`;
  if (valueFrom?.resourceFieldRef) return `${name}: (${valueFrom.resourceFieldRef.resource})`;
  return `${name}: ${value ?? ''}`;
};

const environment = (container: Container): readonly string[] | undefined => {
  const from = (container.envFrom ?? []).map(({ configMapRef, secretRef, prefix }) =>
    `all of ${configMapRef ? `configmap ${configMapRef.name}` : `secret ${secretRef?.name}`}${prefix ? ` with ${prefix} before each name` : ''}`);
  const lines = [...from, ...(container.env ?? []).map(envText)];
  return lines.length === 0 ? undefined : lines;
};

const containerEntries = (container: Container, status: ContainerStatus | undefined, nowMs: number): readonly Entry[] => [
  ['Image', container.image ?? ''],
  ['Image ID', status?.imageID || undefined],
  ['Container ID', status?.containerID || undefined],
  ['Ports', container.ports?.length ? container.ports.map((port) => `${port.containerPort}/${port.protocol ?? 'TCP'}${port.name ? ` (${port.name})` : ''}`).join(', ') : undefined],
  ['Host Ports', container.ports?.some(({ hostPort }) => hostPort) ? container.ports.map((port) => `${port.hostPort ?? 0}/${port.protocol ?? 'TCP'}`).join(', ') : undefined],
  ['Command', container.command?.length ? container.command : undefined],
  ['Args', container.args?.length ? container.args : undefined],
  ['State', stateLines(status?.state, nowMs)],
  ['Last State', stateLines(status?.lastState, nowMs)],
  ['Ready', status && (status.ready ? 'True' : 'False')],
  ['Restart Count', status && String(status.restartCount)],
  ['Requests', quantities(container.resources?.requests)],
  ['Limits', quantities(container.resources?.limits)],
  ['Startup', probeText(container.startupProbe)],
  ['Liveness', probeText(container.livenessProbe)],
  ['Readiness', probeText(container.readinessProbe)],
  ['Environment', environment(container)],
  ['Mounts', container.volumeMounts?.length ? container.volumeMounts.map((mount) => `${mount.mountPath} from ${mount.name}${mount.subPath ? `/${mount.subPath}` : ''} (${mount.readOnly ? 'ro' : 'rw'})`) : undefined],
];

export const containersEntry = (title: string, containers: readonly Container[] | null | undefined, statuses: readonly ContainerStatus[] | null | undefined, nowMs: number): Entry => [
  title,
  containers?.length
    ? { entries: containers.map((container): Entry => [container.name, { entries: containerEntries(container, statuses?.find(({ name }) => name === container.name), nowMs) }]) }
    : undefined,
];

const volumeText = (volume: Volume): string => {
  const [type = 'emptyDir', source] = Object.entries(volume).find(([key, value]) => key !== 'name' && value) ?? [];
  const detail = source as { name?: string; secretName?: string; path?: string; medium?: string; sizeLimit?: string } | undefined;
  const words = [detail?.name ?? detail?.secretName ?? detail?.path, detail?.medium, detail?.sizeLimit && `at most ${detail.sizeLimit}`].filter(Boolean);
  return `${type}${words.length > 0 ? ` ${words.join(', ')}` : ''}`;
};

export const volumesEntry = (volumes: readonly Volume[] | null | undefined): Entry => [
  'Volumes',
  volumes?.length ? { entries: volumes.map((volume): Entry => [volume.name, volumeText(volume)]) } : undefined,
];

export const selectorLines = (selector: Readonly<Record<string, string>> | null | undefined): readonly string[] => pairLines(selector);
