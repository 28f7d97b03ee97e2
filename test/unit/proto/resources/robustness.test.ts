import test from 'ava';
import { deploymentKind, type Kind, nodeKind, podKind, serviceKind } from '../../../../proto/kinds.ts';
import type { KubeObject } from '../../../../proto/resources/kubernetes.ts';
import { strategyFor } from '../../../../proto/resources/strategies.ts';
import { create, deployment, type Loose, update } from './rules.ts';

const term = { labelSelector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }, namespaceSelector: {}, namespaces: ['x'], topologyKey: 'zone' };
const nodeTerm = { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }], matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] };
const rules = <T>(required: T, preferred: object) => ({ requiredDuringSchedulingIgnoredDuringExecution: required, preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, ...preferred }] });
const http = { httpGet: { port: 80, httpHeaders: [{ name: 'A', value: 'b' }] } };

const container = (name: string) => ({
  name, image: 'x', command: ['a'], ports: [{ name, containerPort: 80, hostPort: 80 }],
  env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'a', key: 'b' } } }, { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
  envFrom: [{ configMapRef: { name: 'a' } }], volumeMounts: [{ name: 'a', mountPath: '/a', subPath: 'x' }],
  resources: { limits: { cpu: '1' }, requests: { cpu: '1' }, claims: [{ name: 'c' }] }, livenessProbe: http, lifecycle: { preStop: { exec: { command: ['a'] } } },
  securityContext: { capabilities: { add: ['A'] }, seccompProfile: { type: 'Localhost', localhostProfile: 'a' }, allowPrivilegeEscalation: false },
});

const spec = {
  containers: [container('main')], initContainers: [{ ...container('side'), restartPolicy: 'Always' }],
  volumes: [
    { name: 'a', configMap: { name: 'x', items: [{ key: 'k', path: 'p' }] } }, { name: 'b', secret: { secretName: 'x', items: [{ key: 'k', path: 'p' }] } },
    { name: 'c', downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.name' } }] } }, { name: 'd', emptyDir: { sizeLimit: '1' } }, { name: 'e', hostPath: { path: '/a' } },
    { name: 'f', projected: { sources: [{ secret: { name: 'x', items: [{ key: 'k', path: 'q' }] } }, { serviceAccountToken: { path: 't' } }] } },
  ],
  affinity: { nodeAffinity: rules({ nodeSelectorTerms: [nodeTerm] }, { preference: nodeTerm }), podAffinity: rules([term], { podAffinityTerm: term }) },
  tolerations: [{ key: 'a', operator: 'Exists' }], topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} }],
  securityContext: { sysctls: [{ name: 'a', value: 'b' }], supplementalGroups: [1] }, hostAliases: [{ ip: '1.1.1.1', hostnames: ['a'] }], dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a'], options: [{ name: 'a' }] },
  imagePullSecrets: [{ name: 'a' }], nodeSelector: { a: 'b' }, overhead: { cpu: '1' }, readinessGates: [{ conditionType: 'a' }], schedulingGates: [{ name: 'a' }], os: { name: 'linux' }, resourceClaims: [{ name: 'c' }],
};

const metadata = { name: 'a', namespace: 'default', labels: { a: 'b' }, annotations: { a: 'b' }, finalizers: ['a/b'], ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'u' }] };

const full: [Kind, KubeObject][] = [
  [podKind, { apiVersion: 'v1', kind: 'Pod', metadata, spec }],
  [deploymentKind, { ...deployment(), metadata, spec: { ...deployment().spec, strategy: { rollingUpdate: { maxSurge: 1 } }, template: { metadata: { labels: { app: 'web' } }, spec } } }],
  [serviceKind, { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }], selector: { a: 'b' }, externalIPs: ['1.1.1.1'], ipFamilies: ['IPv4'], sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: {} } } }],
  [nodeKind, { apiVersion: 'v1', kind: 'Node', metadata, spec: { taints: [{ key: 'a', effect: 'NoExecute' }] }, status: { capacity: { cpu: '1' }, addresses: [{ type: 'a', address: 'b' }] } }],
];

/** Every field below `object`, as the path that leads to it; places in lists stay as they are, the schema check refuses null there. */
const fields = (object: Loose, path: string[] = []): string[][] =>
  Object.entries(object).flatMap(([name, value]) => [
    ...(Array.isArray(object) ? [] : [[...path, name]]),
    ...(typeof value === 'object' && value !== null ? fields(value, [...path, name]) : []),
  ]);

const replaced = (object: KubeObject, path: readonly string[], change: (holder: Loose, name: string) => void): KubeObject => {
  const copy = structuredClone(object);
  const holder = path.slice(0, -1).reduce((part: Loose, name) => part[name], copy);
  change(holder, path.at(-1) ?? '');
  return copy;
};

const changes: [string, (holder: Loose, name: string) => void][] = [
  ['null', (holder, name) => void (holder[name] = null)],
  ['absent', (holder, name) => void delete holder[name]],
];

for (const [kind, object] of full) {
  for (const [title, change] of changes) {
    test(`no rule for ${kind.plural} throws when any one field is ${title}`, (t) => {
      const old = structuredClone(object);
      create(kind, old);
      for (const path of fields(object).filter(([first, second]) => first === 'spec' || first === 'status' || (first === 'metadata' && second))) {
        const broken = replaced(object, path, change);
        t.notThrows(() => create(kind, structuredClone(broken)), path.join('.'));
        t.notThrows(() => update(kind, structuredClone(broken), old), path.join('.'));
        t.notThrows(() => strategyFor(kind).warnings(broken), path.join('.'));
      }
    });
  }
}
