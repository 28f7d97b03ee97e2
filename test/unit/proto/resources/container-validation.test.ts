import test from 'ava';
import { podKind } from '../../../../proto/kinds.ts';
import { checkCreation, type Loose, pod, type Row } from './rules.ts';

const main = (object: Loose): Loose => object.spec.containers[0];
const set = (field: string, value: unknown) => (object: Loose): void => void (main(object)[field] = value);
const c = 'spec.containers[0]';

const names: Row[] = [
  ['no containers', (p) => void (p.spec.containers = []), 'spec.containers Required'],
  ['no spec', (p) => void delete p.spec, 'spec Required'],
  ['no name', set('name', ''), `${c}.name Required`],
  ['a bad name', set('name', 'Main'), `${c}.name Invalid`],
  ['the same name twice', (p) => void p.spec.containers.push({ name: 'main', image: 'x' }), 'spec.containers[1].name Duplicate'],
  ['an init container of the same name', (p) => void (p.spec.initContainers = [{ name: 'main', image: 'x' }]), 'spec.initContainers[0].name Duplicate'],
  ['no image', set('image', undefined), `${c}.image Required`],
  ['an image with spaces around', set('image', ' x '), `${c}.image Invalid`],
  ['a pull policy', set('imagePullPolicy', 'Never')],
  ['an unknown pull policy', set('imagePullPolicy', 'Sometimes'), `${c}.imagePullPolicy NotSupported`],
  ['an unknown termination message policy', set('terminationMessagePolicy', 'Log'), `${c}.terminationMessagePolicy NotSupported`],
  ['a restart policy on a regular container', set('restartPolicy', 'Always'), `${c}.restartPolicy Forbidden`],
];

const ports: Row[] = [
  ['ports', set('ports', [{ containerPort: 80, name: 'http' }, { containerPort: 80, protocol: 'UDP' }])],
  ['no port', set('ports', [{}]), `${c}.ports[0].containerPort Required`],
  ['a port out of range', set('ports', [{ containerPort: 70_000, hostPort: 70_000 }]), `${c}.ports[0].containerPort Invalid`, `${c}.ports[0].hostPort Invalid`],
  ['a port name twice', set('ports', [{ containerPort: 80, name: 'a' }, { containerPort: 81, name: 'a' }]), `${c}.ports[1].name Duplicate`],
  ['a bad port name', set('ports', [{ containerPort: 80, name: 'A' }]), `${c}.ports[0].name Invalid`, `${c}.ports[0].name Invalid`],
  ['an unknown protocol', set('ports', [{ containerPort: 80, protocol: 'ICMP' }]), `${c}.ports[0].protocol NotSupported`],
  ['a host port twice', set('ports', [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81, hostPort: 8080 }]), `${c}.ports[1].hostPort Duplicate`],
  ['a host port for two protocols', set('ports', [{ containerPort: 80, hostPort: 53 }, { containerPort: 81, hostPort: 53, protocol: 'UDP' }])],
  ['another host port on the host network', (p) => void Object.assign(p.spec, { hostNetwork: true, containers: [{ name: 'a', image: 'x', ports: [{ containerPort: 80, hostPort: 81 }] }] }), `${c}.ports[0].containerPort Invalid`],
];

const resources: Row[] = [
  ['requests up to limits', set('resources', { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1000m', memory: '1Gi' } })],
  ['a request over its limit', set('resources', { requests: { cpu: '2' }, limits: { cpu: '1' } }), `${c}.resources.requests Invalid`],
  ['no quantity', set('resources', { limits: { cpu: 'much' } }), `${c}.resources.limits[cpu] Invalid`, `${c}.resources.requests[cpu] Invalid`],
  ['a negative quantity', set('resources', { requests: { cpu: '-1' } }), `${c}.resources.requests[cpu] Invalid`],
  ['an unknown resource', set('resources', { requests: { gpu: '1' } }), `${c}.resources.requests[gpu] Invalid`],
  ['nothing of a resource', set('resources', { requests: { cpu: '0' } })],
  ['names that are reserved', set('resources', { requests: { 'kubernetes.io/gpu': '1', 'requests.example.com/gpu': '1' }, limits: { 'requests.example.com/gpu': '1' } }), `${c}.resources.requests[kubernetes.io/gpu] Invalid`, `${c}.resources.requests[requests.example.com/gpu] Invalid`, `${c}.resources.limits[requests.example.com/gpu] Invalid`],
  ['an extended resource', set('resources', { limits: { 'example.com/gpu': '1' } })],
  ['huge pages alone', set('resources', { limits: { 'hugepages-2Mi': '4Mi' } }), `${c}.resources Forbidden`],
  ['huge pages and memory', set('resources', { limits: { 'hugepages-2Mi': '4Mi', memory: '1Gi' } })],
  ['half an extended resource', set('resources', { limits: { 'example.com/gpu': '500m' } }), `${c}.resources.limits[example.com/gpu] Invalid`, `${c}.resources.requests[example.com/gpu] Invalid`],
  ['an extended resource without a limit', set('resources', { requests: { 'example.com/gpu': '1' } }), `${c}.resources.limits Required`],
  ['an extended resource overcommitted', set('resources', { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '2' } }), `${c}.resources.requests Invalid`],
  ['a claim that the pod does not make', set('resources', { claims: [{ name: 'x' }] }), `${c}.resources.claims[0].name Invalid`],
];

const env: Row[] = [
  ['a value', set('env', [{ name: 'A', value: 'b' }, { name: 'B' }])],
  ['no name', set('env', [{ value: 'b' }]), `${c}.env[0].name Required`],
  ['a bad name', set('env', [{ name: 'A=B' }]), `${c}.env[0].name Invalid`],
  ['no source', set('env', [{ name: 'A', valueFrom: {} }]), `${c}.env[0].valueFrom Invalid`],
  ['value and source', set('env', [{ name: 'A', value: 'b', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }]), `${c}.env[0].valueFrom Invalid`],
  ['two sources', set('env', [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' }, configMapKeyRef: { name: 's', key: 'k' } } }]), `${c}.env[0].valueFrom Invalid`],
  ['a reference without name and key', set('env', [{ name: 'A', valueFrom: { configMapKeyRef: {} } }]), `${c}.env[0].valueFrom.configMapKeyRef.key Required`, `${c}.env[0].valueFrom.configMapKeyRef.name Required`],
  ['fields', set('env', ['metadata.name', 'status.podIP', "metadata.labels['app']", "metadata.annotations['Example.com/x']"].map((fieldPath) => ({ name: 'A', valueFrom: { fieldRef: { fieldPath } } })))],
  ['an unknown field', set('env', [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.hostname' } } }]), `${c}.env[0].valueFrom.fieldRef.fieldPath NotSupported`],
  ['all labels', set('env', [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } }]), `${c}.env[0].valueFrom.fieldRef.fieldPath NotSupported`],
  ['no field', set('env', [{ name: 'A', valueFrom: { fieldRef: {} } }]), `${c}.env[0].valueFrom.fieldRef.fieldPath Required`],
  ['a resource', set('env', [{ name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } }])],
  ['an unknown resource', set('env', [{ name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.gpu' } } }]), `${c}.env[0].valueFrom.resourceFieldRef.resource NotSupported`],
  ['whole objects', set('envFrom', [{ prefix: 'P_', configMapRef: { name: 'a' } }, { secretRef: { name: 'b' } }])],
  ['no whole object', set('envFrom', [{}]), `${c}.envFrom[0] Invalid`],
  ['two whole objects', set('envFrom', [{ configMapRef: { name: 'a' }, secretRef: { name: 'b' } }]), `${c}.envFrom[0] Invalid`],
  ['a whole object without a name', set('envFrom', [{ secretRef: {} }]), `${c}.envFrom[0].secretRef.name Required`],
];

const probes: Row[] = [
  ['every handler', (p) => void Object.assign(main(p), { livenessProbe: { exec: { command: ['true'] } }, readinessProbe: { httpGet: { port: 'http' }, successThreshold: 3 }, startupProbe: { grpc: { port: 80 } } })],
  ['no handler', set('livenessProbe', { periodSeconds: 1 }), `${c}.livenessProbe Required`],
  ['two handlers', set('livenessProbe', { exec: { command: ['a'] }, tcpSocket: { port: 1 } }), `${c}.livenessProbe.tcpSocket Forbidden`],
  ['no command', set('livenessProbe', { exec: {} }), `${c}.livenessProbe.exec.command Required`],
  ['no port', set('readinessProbe', { httpGet: {} }), `${c}.readinessProbe.httpGet.port Required`],
  ['port 0', set('readinessProbe', { tcpSocket: { port: 0 } }), `${c}.readinessProbe.tcpSocket.port Invalid`],
  ['an unknown scheme', set('readinessProbe', { httpGet: { port: 1, scheme: 'FTP' } }), `${c}.readinessProbe.httpGet.scheme NotSupported`],
  ['a bad header', set('readinessProbe', { httpGet: { port: 1, httpHeaders: [{ name: 'a b', value: '' }] } }), `${c}.readinessProbe.httpGet.httpHeaders[0].name Invalid`],
  ['negative numbers', set('livenessProbe', { grpc: { port: 1 }, timeoutSeconds: -1, initialDelaySeconds: -1 }), `${c}.livenessProbe.initialDelaySeconds Invalid`, `${c}.livenessProbe.timeoutSeconds Invalid`],
  ['several successes to be alive', set('livenessProbe', { grpc: { port: 1 }, successThreshold: 2 }), `${c}.livenessProbe.successThreshold Invalid`],
  ['several successes to have started', set('startupProbe', { grpc: { port: 1 }, successThreshold: 2 }), `${c}.startupProbe.successThreshold Invalid`],
  ['a grace period for readiness', set('readinessProbe', { grpc: { port: 1 }, terminationGracePeriodSeconds: 1 }), `${c}.readinessProbe.terminationGracePeriodSeconds Invalid`],
  ['no grace', set('livenessProbe', { grpc: { port: 1 }, terminationGracePeriodSeconds: 0 }), `${c}.livenessProbe.terminationGracePeriodSeconds Invalid`],
  ['hooks', set('lifecycle', { preStop: { sleep: { seconds: 5 } }, postStart: { httpGet: { port: 80 } } })],
  ['a hook without a handler', set('lifecycle', { preStop: {} }), `${c}.lifecycle.preStop Required`],
  ['a sleep for the whole grace period', set('lifecycle', { preStop: { sleep: { seconds: 30 } } })],
  ['no sleep', set('lifecycle', { preStop: { sleep: { seconds: 0 } } }), `${c}.lifecycle.preStop.sleep Invalid`],
  ['a sleep beyond the grace period', set('lifecycle', { preStop: { sleep: { seconds: 31 } } }), `${c}.lifecycle.preStop.sleep Invalid`],
];

const init = (value: object) => (object: Loose): void => void (object.spec.initContainers = [{ name: 'init', image: 'x', ...value }]);
const i = 'spec.initContainers[0]';

const inits: Row[] = [
  ['a sidecar with a probe', init({ restartPolicy: 'Always', readinessProbe: { tcpSocket: { port: 1 } } })],
  ['another restart policy', init({ restartPolicy: 'Never' }), `${i}.restartPolicy NotSupported`],
  ['probes and hooks', init({ livenessProbe: { grpc: { port: 1 } }, lifecycle: {} }), `${i}.lifecycle Forbidden`, `${i}.livenessProbe Forbidden`],
  ['a sidecar with a bad probe', init({ restartPolicy: 'Always', livenessProbe: {} }), `${i}.livenessProbe Required`],
  ['an ephemeral container at creation', (p) => void (p.spec.ephemeralContainers = [{ name: 'debug', image: 'x', targetContainerName: 'gone', ports: [] }]), 'spec.ephemeralContainers Forbidden', 'spec.ephemeralContainers[0].ports Forbidden', 'spec.ephemeralContainers[0].targetContainerName NotFound'],
];

const tables: [string, Row[]][] = [
  ['names and images', names], ['ports', ports], ['resources', resources], ['environment', env], ['probes and hooks', probes], ['init and ephemeral containers', inits],
];

for (const [title, rows] of tables) {
  test(`containers are checked: ${title}`, (t) => checkCreation(t, podKind, pod(), rows));
}
