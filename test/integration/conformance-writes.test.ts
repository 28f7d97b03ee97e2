/** What a write does and does not, verb by verb: defaults, dry runs, generation, owners, finalizers, preconditions, immutable fields. */
import test from 'ava';
import { kinds } from '../../proto/kinds.ts';
import { configMapNamed, deploymentNamed, podNamed } from '../fixtures/api-objects.ts';
import { sharedApi } from './conformance-server.ts';

const api = sharedApi(test);

const configMaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';
const services = '/api/v1/namespaces/default/services';
const secrets = '/api/v1/namespaces/default/secrets';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const merge = { 'content-type': 'application/merge-patch+json' };
const strategic = { 'content-type': 'application/strategic-merge-patch+json' };

const create = async (path: string, body: object): Promise<any> => { // oxlint-disable-line no-explicit-any
  const answer = await api().request('POST', path, { body });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json;
};

const patch = (path: string, body: unknown, headers = merge) => api().request('PATCH', path, { headers, body });

test.serial('a pod gets the defaults of Kubernetes', async (t) => {
  const container = {
    name: 'main', image: 'registry.test/app', ports: [{ containerPort: 80 }],
    env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    resources: { limits: { cpu: '0.5', memory: '1024Mi' } },
    livenessProbe: { httpGet: { port: 80 } }, lifecycle: { preStop: { httpGet: { port: 80 } } },
  };
  const volumes = [{ name: 'empty' }, { name: 'map', configMap: { name: 'm' } }, { name: 'host', hostPath: { path: '/x' } }, { name: 'all', projected: { sources: [{ downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } }] } }];
  const { spec, status } = await create(pods, { metadata: { name: 'defaults' }, spec: { containers: [container], volumes } });
  t.deepEqual(spec, {
    containers: [
      {
        name: 'main', image: 'registry.test/app', imagePullPolicy: 'Always',
        ports: [{ containerPort: 80, protocol: 'TCP' }],
        env: [{ name: 'NODE', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } }],
        resources: { limits: { cpu: '500m', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } },
        livenessProbe: { httpGet: { path: '/', port: 80, scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
        lifecycle: { preStop: { httpGet: { path: '/', port: 80, scheme: 'HTTP' } } },
        terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File',
      },
    ],
    volumes: [
      { name: 'empty', emptyDir: {} },
      { name: 'map', configMap: { name: 'm', defaultMode: 420 } },
      { name: 'host', hostPath: { path: '/x', type: '' } },
      { name: 'all', projected: { defaultMode: 420, sources: [{ downwardAPI: { items: [{ path: 'n', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } }] } }] } },
    ],
    restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler', terminationGracePeriodSeconds: 30,
    securityContext: {}, enableServiceLinks: true, serviceAccount: 'default', serviceAccountName: 'default',
  });
  t.deepEqual(status, { phase: 'Pending', qosClass: 'Guaranteed' });
});

test.serial('deployments, services, secrets and namespaces get theirs', async (t) => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
  const deployment = await create(deployments, { metadata: { name: 'defaults' }, spec: { selector: { matchLabels: { a: 'b' } }, template } });
  t.deepEqual(deployment.spec, {
    replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    selector: { matchLabels: { a: 'b' } },
    template: {
      metadata: { labels: { a: 'b' } },
      spec: {
        containers: [{ name: 'c', image: 'i:1', imagePullPolicy: 'IfNotPresent', resources: {}, terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' }],
        restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler', terminationGracePeriodSeconds: 30, securityContext: {},
      },
    },
  });
  t.deepEqual(deployment.status, {});
  const cluster = await create(services, { metadata: { name: 'cluster' }, spec: { ports: [{ port: 80 }] } });
  const { clusterIP, clusterIPs, ...defaulted } = cluster.spec;
  t.regex(clusterIP, /^10\.96\.\d+\.\d+$/);
  t.deepEqual(clusterIPs, [clusterIP]);
  t.deepEqual(defaulted, {
    type: 'ClusterIP', sessionAffinity: 'None', internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack',
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
  });
  t.deepEqual(cluster.status, { loadBalancer: {} });
  const balanced = await create(services, { metadata: { name: 'balanced' }, spec: { type: 'LoadBalancer', sessionAffinity: 'ClientIP', ports: [{ port: 80 }] } });
  t.like(balanced.spec, { externalTrafficPolicy: 'Cluster', allocateLoadBalancerNodePorts: true, sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } });
  const secret = await create(secrets, { metadata: { name: 'secret' }, stringData: { a: 'x' } });
  t.like(secret, { type: 'Opaque', data: { a: 'eA==' } });
  t.false('stringData' in secret);
  const namespace = await create('/api/v1/namespaces', { metadata: { name: 'defaulted' } });
  t.like(namespace, { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } });
  t.deepEqual(namespace.metadata.labels, { 'kubernetes.io/metadata.name': 'defaulted' });
});

test.serial('a dry run of any verb answers as if, and stores nothing', async (t) => {
  const { request, store } = api();
  await create(deployments, deploymentNamed('dry'));
  await create(pods, podNamed('dry'));
  await create(configMaps, configMapNamed('dry'));
  await store.reader.current();
  const before = kinds.flatMap((kind) => store.reader.list(kind)).map(({ kind, key, revision }) => `${kind.kind} ${key} ${revision}`);
  const dry = async (method: string, path: string, status: number, body?: unknown, headers?: Record<string, string>): Promise<any> => { // oxlint-disable-line no-explicit-any
    const answer = await request(method, `${path}?dryRun=All`, { ...(body === undefined ? {} : { body }), ...(headers ? { headers } : {}) });
    t.is(answer.status, status, `${method} ${path}: ${answer.text}`);
    return answer.json;
  };
  const made = await dry('POST', configMaps, 201, { metadata: { generateName: 'made-' } });
  t.regex(made.metadata.name, /^made-[a-z0-9]{5}$/);
  t.is(made.metadata.resourceVersion, undefined);
  await dry('POST', configMaps, 409, configMapNamed('dry'));
  t.is((await dry('PUT', `${configMaps}/dry`, 200, configMapNamed('dry', { key: 'other' }))).data.key, 'other');
  t.is((await dry('PATCH', `${deployments}/dry`, 200, { spec: { replicas: 9 } }, merge)).metadata.generation, 2);
  t.is((await dry('PATCH', `${deployments}/dry/status`, 200, { status: { replicas: 9 } }, merge)).status.replicas, 9);
  t.is((await dry('PATCH', `${deployments}/dry/scale`, 200, { spec: { replicas: 9 } }, merge)).spec.replicas, 9);
  await dry('PUT', `${deployments}/dry/scale`, 200, { kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: { name: 'dry' }, spec: { replicas: 9 } });
  await dry('POST', `${pods}/dry/binding`, 201, { metadata: { name: 'dry' }, target: { kind: 'Node', name: 'n' } });
  await dry('POST', `${pods}/dry/eviction`, 201, { metadata: { name: 'dry' } });
  await dry('DELETE', `${pods}/dry`, 200);
  await dry('DELETE', `${deployments}/dry`, 200, { propagationPolicy: 'Foreground' });
  await dry('DELETE', configMaps, 200);
  await dry('DELETE', '/api/v1/namespaces/defaulted', 200);
  t.is((await request('DELETE', `${pods}/dry`, { body: { dryRun: ['All'] } })).status, 200);
  await store.reader.current();
  t.deepEqual(kinds.flatMap((kind) => store.reader.list(kind)).map(({ kind, key, revision }) => `${kind.kind} ${key} ${revision}`), before);
});

test.serial('a write that changes nothing is byte for byte what was there', async (t) => {
  const { request } = api();
  await create(`${deployments}?fieldManager=maker`, deploymentNamed('same'));
  const before = (await request('GET', `${deployments}/same`)).text;
  const container = { name: 'main', image: 'registry.test/app:1' };
  const body = { spec: { template: { spec: { $setElementOrder: undefined, containers: [container] } } } };
  for (const query of ['?fieldManager=other', '?dryRun=All&fieldManager=kubectl-client-side-apply']) {
    t.is((await patch(`${deployments}/same${query}`, body, strategic)).text, before);
    t.is((await patch(`${deployments}/same${query}`, { spec: { replicas: 1 }, metadata: { labels: { app: 'same' } } })).text, before);
    t.is((await request('PUT', `${deployments}/same${query}`, { body: before })).text, before);
    t.is((await request('PUT', `${deployments}/same${query}`, { body: deploymentNamed('same') })).text, before);
  }
  t.is((await request('GET', `${deployments}/same`)).text, before);
});

test.serial('zero values are the same object as their absence, as they are to clients that send protobuf', async (t) => {
  const made = await create(deployments, deploymentNamed('zero'));
  const body = deploymentNamed('zero') as any; // oxlint-disable-line no-explicit-any
  body.spec.paused = false;
  body.spec.minReadySeconds = 0;
  Object.assign(body.spec.template.spec, { hostNetwork: false, hostname: '' });
  Object.assign(body.spec.template.spec.containers[0], { tty: false, workingDir: '' });
  t.deepEqual((await api().request('PUT', `${deployments}/zero`, { body })).json, made);
  const root = await patch(`${deployments}/zero`, { spec: { template: { spec: { securityContext: { runAsUser: 0 }, terminationGracePeriodSeconds: 0 } } } });
  t.like(root.json.spec.template.spec, { securityContext: { runAsUser: 0 }, terminationGracePeriodSeconds: 0 });
});

test.serial('what only the server gives cannot be taken, set or changed', async (t) => {
  const { request } = api();
  const forged = { uid: 'forged', creationTimestamp: '2000-01-01T00:00:00Z', generation: 77, deletionTimestamp: '2000-01-01T00:00:00Z', selfLink: '/x' };
  const made = await create(deployments, { ...deploymentNamed('forged'), metadata: { name: 'forged', ...forged }, status: { replicas: 5 } });
  t.not(made.metadata.uid, 'forged');
  t.is(made.metadata.generation, 1);
  t.is(made.metadata.deletionTimestamp, undefined);
  t.not(made.metadata.creationTimestamp, forged.creationTimestamp);
  t.deepEqual(made.status, {});
  const { uid: _uid, ...rest } = forged;
  const { json } = await patch(`${deployments}/forged`, { metadata: rest, status: { replicas: 5 } });
  t.deepEqual([json.metadata.generation, json.metadata.creationTimestamp, json.metadata.deletionTimestamp, json.status], [1, made.metadata.creationTimestamp, undefined, {}]);
  t.is((await patch(`${deployments}/forged`, { metadata: { uid: 'forged' } })).status, 409);
  t.is((await request('PUT', `${deployments}/forged`, { body: { ...deploymentNamed('forged'), metadata: { name: 'forged', uid: 'other' } } })).status, 409);
});

test.serial('what is immutable stays: selectors, types, data that says so, pods but for their images', async (t) => {
  const refused = async (path: string, body: object, message: RegExp, code = 422): Promise<void> => {
    const answer = await patch(path, body);
    t.is(answer.status, code, answer.text);
    t.regex(answer.json.message, message);
  };
  await create(deployments, deploymentNamed('fixed'));
  await refused(`${deployments}/fixed`, { spec: { selector: { matchLabels: { more: 'x' } }, template: { metadata: { labels: { more: 'x' } } } } }, /spec\.selector: Invalid value: .*: field is immutable/);
  await create(configMaps, { ...configMapNamed('fixed'), immutable: true });
  await refused(`${configMaps}/fixed`, { data: { key: 'other' } }, /data: Forbidden: field is immutable when `immutable` is set/);
  await refused(`${configMaps}/fixed`, { immutable: false }, /immutable: Forbidden/);
  await create(secrets, { metadata: { name: 'fixed' }, type: 'Opaque' });
  await refused(`${secrets}/fixed`, { type: 'other' }, /type: Invalid value: .*field is immutable/);
  await create(pods, podNamed('fixed'));
  await refused(`${pods}/fixed`, { spec: { hostNetwork: true } }, /pod updates may not change fields other than/);
  await refused(`${pods}/fixed`, { spec: { containers: [{ name: 'main', image: 'x' }, { name: 'b', image: 'x' }] } }, /may not add or remove containers/);
  t.is((await patch(`${pods}/fixed`, { spec: { containers: [{ name: 'main', image: 'other:2' }] } }, strategic)).status, 200);
  t.is((await patch(`${pods}/fixed`, { spec: { activeDeadlineSeconds: 60, tolerations: [{ key: 'a', operator: 'Exists' }] } })).status, 200);
  await refused(`${pods}/fixed`, { spec: { activeDeadlineSeconds: 90 } }, /must be less than or equal to previous value/);
});

test.serial('a service that changes its type loses what only the old type had', async (t) => {
  const ports = [{ port: 80, nodePort: 30_080 }];
  await create(services, { metadata: { name: 'changing' }, spec: { type: 'NodePort', clusterIP: '10.96.0.5', ports } });
  const change = async (spec: object) => (await patch(`${services}/changing`, { spec })).json;
  const [cluster, external, balanced] = [await change({ type: 'ClusterIP' }), await change({ type: 'ExternalName', externalName: 'example.com' }), await change({ type: 'LoadBalancer' })];
  t.deepEqual(cluster.spec, {
    type: 'ClusterIP', clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'], sessionAffinity: 'None', internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack',
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
  });
  t.deepEqual(Object.keys(external.spec).toSorted(), ['externalName', 'ports', 'sessionAffinity', 'type']);
  t.like(balanced.spec, { type: 'LoadBalancer', externalTrafficPolicy: 'Cluster', allocateLoadBalancerNodePorts: true });
  t.is((await change({ type: 'ClusterIP', allocateLoadBalancerNodePorts: false })).code, 422);
});

test.serial('finalizers hold, none is added to what goes, and the last one lets go', async (t) => {
  const { request } = api();
  await create(configMaps, { metadata: { name: 'held', finalizers: ['example.com/a', 'example.com/b'] } });
  t.truthy((await request('DELETE', `${configMaps}/held`)).json.metadata.deletionTimestamp);
  const more = await patch(`${configMaps}/held`, { metadata: { finalizers: ['example.com/a', 'example.com/b', 'example.com/c'] } });
  t.is(more.status, 422);
  t.regex(more.json.message, /no new finalizers can be added if the object is being deleted/);
  const again = await request('DELETE', `${configMaps}/held`);
  t.is(again.status, 200);
  t.deepEqual(again.json.metadata.finalizers, ['example.com/a', 'example.com/b']);
  t.is((await patch(`${configMaps}/held`, { metadata: { finalizers: ['example.com/b'] } })).status, 200);
  t.is((await request('GET', `${configMaps}/held`)).status, 200);
  t.is((await patch(`${configMaps}/held`, { metadata: { finalizers: [] } })).status, 200);
  t.is((await request('GET', `${configMaps}/held`)).status, 404);
  t.is((await request('POST', configMaps, { body: { metadata: { name: 'bad', finalizers: ['no slash'] } } })).status, 422);
});

test.serial('owners are checked, and one alone controls', async (t) => {
  const { request } = api();
  const owner = (name: string, extra: object = {}) => ({ apiVersion: 'apps/v1', kind: 'Deployment', name, uid: `uid-${name}`, ...extra });
  const made = async (ownerReferences: object[]): Promise<number> =>
    (await request('POST', configMaps, { body: { metadata: { generateName: 'owned-', ownerReferences } } })).status;
  t.is(await made([owner('a', { controller: true, blockOwnerDeletion: true }), owner('b')]), 201);
  t.is(await made([owner('a', { controller: true }), owner('b', { controller: true })]), 422);
  t.is(await made([owner('a', { uid: '' })]), 422);
  t.is(await made([owner('')]), 422);
  t.is(await made([{ ...owner('a'), apiVersion: '' }]), 422);
});

test.serial('deletions keep to preconditions and policies', async (t) => {
  const { request } = api();
  const { metadata } = await create(configMaps, configMapNamed('precise'));
  const remove = async (body: object): Promise<number> => (await request('DELETE', `${configMaps}/precise`, { body })).status;
  t.is(await remove({ preconditions: { uid: 'other' } }), 409);
  t.is(await remove({ preconditions: { resourceVersion: '1' } }), 409);
  t.is(await remove({ propagationPolicy: 'Sideways' }), 400);
  t.is(await remove({ apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid: metadata.uid, resourceVersion: metadata.resourceVersion } }), 200);
  for (const [policy, finalizers] of [['Orphan', ['orphan']], ['Foreground', ['foregroundDeletion']]] as const) {
    await create(deployments, deploymentNamed(policy.toLowerCase()));
    const { json } = await request('DELETE', `${deployments}/${policy.toLowerCase()}?propagationPolicy=${policy}`);
    t.deepEqual(json.metadata.finalizers, finalizers);
    t.is(json.metadata.generation, 2);
  }
  await create(deployments, deploymentNamed('orphaned'));
  t.deepEqual((await request('DELETE', `${deployments}/orphaned`, { body: { orphanDependents: true } })).json.metadata.finalizers, ['orphan']);
});

test.serial('a scale is checked like any object', async (t) => {
  const { request } = api();
  await create(deployments, deploymentNamed('scaled'));
  const scale = (await request('GET', `${deployments}/scaled/scale`)).json;
  const put = async (change: object, query = ''): Promise<number> => (await request('PUT', `${deployments}/scaled/scale${query}`, { body: { ...scale, ...change } })).status;
  t.is(await put({ spec: { replicas: -1 } }), 422);
  t.is(await put({ spec: { replicas: 2 ** 40 } }), 400);
  t.is(await put({ spec: { replicas: 'many' } }), 400);
  t.is(await put({ spec: { replicas: 1, nothing: 1 } }, '?fieldValidation=Strict'), 400);
  t.is(await put({ metadata: { name: 'other' } }), 400);
  t.is(await put({ metadata: { ...scale.metadata, resourceVersion: '1' } }), 409);
  t.is((await patch(`${deployments}/scaled/scale`, { spec: { replicas: 2 ** 31 } })).status, 400);
  t.is((await patch(`${deployments}/nothing/scale`, { spec: { replicas: 1 } })).status, 404);
  t.is((await request('GET', `${deployments}/scaled`)).json.metadata.generation, 1);
  t.is(await put({ spec: { replicas: 3 } }), 200);
});

test.serial('managers own what they set: the spec by its writers, the status by its subresource', async (t) => {
  const { request } = api();
  const made = await create(`${deployments}?fieldManager=kubectl-create`, deploymentNamed('managed'));
  t.deepEqual(Object.keys(made.metadata.managedFields[0].fieldsV1).toSorted(), ['f:metadata', 'f:spec']);
  await patch(`${deployments}/managed?fieldManager=kubectl-patch`, { metadata: { labels: { more: 'yes' } } });
  await patch(`${deployments}/managed/scale?fieldManager=kubectl`, { spec: { replicas: 4 } });
  await patch(`${deployments}/managed/status?fieldManager=loop`, { status: { replicas: 4 } });
  await request('PATCH', `${deployments}/managed`, { headers: { ...merge, 'user-agent': 'program/v1 (linux)' }, body: { spec: { paused: true } } });
  const { metadata } = (await request('GET', `${deployments}/managed`)).json;
  type Entry = { manager: string; operation: string; subresource?: string; fieldsV1: Record<string, object> };
  const entries = (metadata.managedFields as Entry[]).map(({ manager, operation, subresource = '', fieldsV1 }) => [manager, operation, subresource, Object.keys(fieldsV1).toSorted().join()]);
  t.deepEqual(entries, [
    ['kubectl-create', 'Update', '', 'f:metadata,f:spec'],
    ['kubectl-patch', 'Update', '', 'f:metadata'],
    ['kubectl', 'Update', 'scale', 'f:spec'],
    ['loop', 'Update', 'status', 'f:status'],
    ['program', 'Update', '', 'f:spec'],
  ]);
});

test.serial('fields that Berth does not act on are kept, and said so', async (t) => {
  const { request } = api();
  const extra = { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }], runtimeClassName: 'other', automountServiceAccountToken: true };
  const body = podNamed('kept', { spec: { containers: [{ name: 'main', image: 'x' }], ...extra } });
  const answer = await request('POST', pods, { body });
  t.is(answer.status, 201);
  t.like(answer.json.spec, extra);
  for (const field of Object.keys(extra)) t.regex(String(answer.headers['warning']), new RegExp(`spec\\.${field}: stored, but not acted on`));
  const unknown = await request('POST', pods, { body: podNamed('pruned', { spec: { containers: [{ name: 'main', image: 'x' }], nonsense: 1 } }) });
  t.false('nonsense' in unknown.json.spec);
  t.regex(String(unknown.headers['warning']), /unknown field \\"spec\.nonsense\\"/);
});
