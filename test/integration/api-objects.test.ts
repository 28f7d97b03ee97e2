/** Objects over HTTPS against a real etcd: what is created is read, changed and deleted by the rules of Kubernetes. */
import test from 'ava';
import { configMapNamed, deploymentNamed, podNamed } from '../fixtures/api-objects.ts';
import { sharedApi } from './conformance-server.ts';

const server = sharedApi(test, { emptied: true });

const configMaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const mergePatch = { 'content-type': 'application/merge-patch+json' };

test.serial('an object is created once, with what only the server gives, and read back', async (t) => {
  const { request } = server();
  const created = await request('POST', configMaps, { body: configMapNamed('one') });
  t.is(created.status, 201);
  const { metadata } = created.json;
  t.regex(metadata.uid, /^[0-9a-f-]{36}$/);
  t.regex(metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.regex(metadata.resourceVersion, /^\d+$/);
  t.is(metadata.namespace, 'default');
  const read = await request('GET', `${configMaps}/one`);
  t.deepEqual(read.json, created.json);
  const again = await request('POST', configMaps, { body: configMapNamed('one') });
  t.is(again.status, 409);
  t.is(again.json.reason, 'AlreadyExists');
  t.is(again.json.message, 'configmaps "one" already exists');
});

test.serial('generateName makes a new name each time', async (t) => {
  const { request } = server();
  const body = { ...configMapNamed(''), metadata: { generateName: 'many-' } };
  const names = new Set<string>();
  for (let count = 0; count < 3; count += 1) names.add((await request('POST', configMaps, { body })).json.metadata.name);
  t.is(names.size, 3);
  for (const name of names) t.regex(name, /^many-[a-z0-9]{5}$/);
});

test.serial('a stale resourceVersion is a conflict, none overwrites', async (t) => {
  const { request } = server();
  const { json: first } = await request('POST', configMaps, { body: configMapNamed('one') });
  const second = await request('PUT', `${configMaps}/one`, { body: { ...first, data: { key: 'second' } } });
  t.is(second.status, 200);
  const stale = await request('PUT', `${configMaps}/one`, { body: { ...first, data: { key: 'stale' } } });
  t.is(stale.status, 409);
  t.is(stale.json.reason, 'Conflict');
  const blind = await request('PUT', `${configMaps}/one`, { body: configMapNamed('one', { key: 'blind' }) });
  t.is(blind.status, 200);
  t.is((await request('GET', `${configMaps}/one`)).json.data.key, 'blind');
  const patch = { metadata: { resourceVersion: first.metadata.resourceVersion }, data: { key: 'patched' } };
  t.is((await request('PATCH', `${configMaps}/one`, { headers: mergePatch, body: patch })).status, 409);
});

test.serial('a write that changes nothing keeps the resourceVersion', async (t) => {
  const { request } = server();
  const { json: first } = await request('POST', configMaps, { body: configMapNamed('one') });
  const same = await request('PATCH', `${configMaps}/one`, { headers: mergePatch, body: { data: { key: 'value' } } });
  t.deepEqual(same.json, first);
  t.deepEqual((await request('PUT', `${configMaps}/one`, { body: first })).json, first);
});

test.serial('generation counts changes of spec, not of metadata or status', async (t) => {
  const { request } = server();
  t.is((await request('POST', deployments, { body: deploymentNamed('web') })).json.metadata.generation, 1);
  const patch = (path: string, body: object) => request('PATCH', `${deployments}/web${path}`, { headers: mergePatch, body });
  t.is((await patch('', { metadata: { labels: { more: 'yes' } } })).json.metadata.generation, 1);
  t.is((await patch('', { spec: { replicas: 2 } })).json.metadata.generation, 2);
  const status = await patch('/status', { status: { replicas: 2 }, spec: { replicas: 9 } });
  t.is(status.json.metadata.generation, 2);
  t.is(status.json.spec.replicas, 2);
  t.is(status.json.status.replicas, 2);
});

test.serial('the three patch forms change what they say, and server-side apply is refused', async (t) => {
  const { request } = server();
  await request('POST', deployments, { body: deploymentNamed('web') });
  const patch = (type: string, body: unknown) => request('PATCH', `${deployments}/web`, { headers: { 'content-type': `application/${type}` }, body });
  const container = (answer: { json: { spec: { template: { spec: { containers: { image: string; env?: unknown[] }[] } } } } }) =>
    answer.json.spec.template.spec.containers[0];
  const strategic = await patch('strategic-merge-patch+json', {
    spec: { template: { spec: { containers: [{ name: 'main', env: [{ name: 'A', value: '1' }] }] } } },
  });
  t.is(container(strategic)?.image, 'registry.test/app:1');
  t.deepEqual(container(strategic)?.env, [{ name: 'A', value: '1' }]);
  const json = await patch('json-patch+json', [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'registry.test/app:2' }]);
  t.is(container(json)?.image, 'registry.test/app:2');
  t.is((await patch('merge-patch+json', { spec: { replicas: 7 } })).json.spec.replicas, 7);
  t.is((await patch('apply-patch+yaml', {})).status, 415);
  t.is((await patch('json-patch+json', [{ op: 'test', path: '/spec/replicas', value: 1 }])).status, 422);
});

test.serial('dryRun answers as if and stores nothing', async (t) => {
  const { request, store } = server();
  const created = await request('POST', `${configMaps}?dryRun=All`, { body: configMapNamed('one') });
  t.is(created.status, 201);
  t.truthy(created.json.metadata.uid);
  t.is((await request('GET', `${configMaps}/one`)).status, 404);
  await request('POST', configMaps, { body: configMapNamed('one') });
  const { revision } = store.reader;
  const patched = await request('PATCH', `${configMaps}/one?dryRun=All`, { headers: mergePatch, body: { data: { key: 'dry' } } });
  t.is(patched.json.data.key, 'dry');
  t.is((await request('DELETE', `${configMaps}/one?dryRun=All`)).status, 200);
  t.is((await request('GET', `${configMaps}/one`)).json.data.key, 'value');
  t.is(store.reader.revision, revision);
  t.is((await request('POST', `${configMaps}?dryRun=Some`, { body: configMapNamed('two') })).status, 400);
});

test.serial('unknown fields are refused, warned about or dropped, as fieldValidation says', async (t) => {
  const { request } = server();
  const body = (name: string) => ({ ...deploymentNamed(name), spec: { ...(deploymentNamed(name)['spec'] as object), replicaz: 3 } });
  const strict = await request('POST', `${deployments}?fieldValidation=Strict`, { body: body('a') });
  t.is(strict.status, 400);
  t.regex(strict.json.message, /strict decoding error: unknown field "spec\.replicaz"/);
  const warned = await request('POST', deployments, { body: body('b') });
  t.is(warned.status, 201);
  t.regex(String(warned.headers['warning']), /unknown field \\"spec\.replicaz\\"/);
  t.false('replicaz' in warned.json.spec);
  const ignored = await request('POST', `${deployments}?fieldValidation=Ignore`, { body: body('c') });
  t.is(ignored.headers['warning'], undefined);
});

test.serial('managedFields tell who set what', async (t) => {
  const { request } = server();
  await request('POST', `${deployments}?fieldManager=maker`, { body: deploymentNamed('web') });
  const { json } = await request('PATCH', `${deployments}/web?fieldManager=scaler`, { headers: mergePatch, body: { spec: { replicas: 3 } } });
  const [maker, scaler] = json.metadata.managedFields;
  t.is(maker.manager, 'maker');
  t.false('f:replicas' in maker.fieldsV1['f:spec']);
  t.true('k:{"name":"main"}' in maker.fieldsV1['f:spec']['f:template']['f:spec']['f:containers']);
  t.like(scaler, { manager: 'scaler', operation: 'Update', apiVersion: 'apps/v1', fieldsType: 'FieldsV1' });
  t.deepEqual(scaler.fieldsV1, { 'f:spec': { 'f:replicas': {} } });
});

test.serial('an object with finalizers lingers until the last is gone', async (t) => {
  const { request } = server();
  const body = { ...configMapNamed('kept'), metadata: { name: 'kept', finalizers: ['example.com/keep'] } };
  await request('POST', configMaps, { body });
  const deleted = await request('DELETE', `${configMaps}/kept`);
  t.is(deleted.json.kind, 'ConfigMap');
  t.truthy(deleted.json.metadata.deletionTimestamp);
  t.is((await request('GET', `${configMaps}/kept`)).status, 200);
  t.is((await request('PATCH', `${configMaps}/kept`, { headers: mergePatch, body: { metadata: { finalizers: null } } })).status, 200);
  t.is((await request('GET', `${configMaps}/kept`)).status, 404);
});

test.serial('propagation policies leave their finalizers, and Background leaves none', async (t) => {
  const { request } = server();
  for (const [policy, finalizer] of [['Foreground', 'foregroundDeletion'], ['Orphan', 'orphan']] as const) {
    const name = policy.toLowerCase();
    await request('POST', deployments, { body: deploymentNamed(name) });
    const deleted = await request('DELETE', `${deployments}/${name}`, { body: { propagationPolicy: policy } });
    t.deepEqual(deleted.json.metadata.finalizers, [finalizer]);
    t.truthy(deleted.json.metadata.deletionTimestamp);
  }
  await request('POST', deployments, { body: deploymentNamed('background') });
  const deleted = await request('DELETE', `${deployments}/background`, { body: { propagationPolicy: 'Background' } });
  t.like(deleted.json, { kind: 'Status', status: 'Success', details: { name: 'background', group: 'apps', kind: 'deployments' } });
  t.is((await request('GET', `${deployments}/background`)).status, 404);
});

test.serial('preconditions of a deletion must hold', async (t) => {
  const { request } = server();
  const { json } = await request('POST', configMaps, { body: configMapNamed('one') });
  const wrong = await request('DELETE', `${configMaps}/one`, { body: { preconditions: { uid: 'another' } } });
  t.is(wrong.status, 409);
  t.is((await request('DELETE', `${configMaps}/one`, { body: { preconditions: { uid: json.metadata.uid } } })).status, 200);
});

test.serial('a bound pod waits for its node, which removes it; an unbound one goes at once', async (t) => {
  const { request, api } = server();
  await request('POST', pods, { body: podNamed('free') });
  t.is((await request('DELETE', `${pods}/free`)).json.kind, 'Pod');
  t.is((await request('GET', `${pods}/free`)).status, 404);
  const { json: pod } = await request('POST', pods, { body: podNamed('bound') });
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'bound' }, target: { kind: 'Node', name: 'node-1' } };
  t.is((await request('POST', `${pods}/bound/binding`, { body: binding })).status, 201);
  t.is((await request('POST', `${pods}/bound/binding`, { body: binding })).status, 409);
  const first = await request('DELETE', `${pods}/bound`);
  t.is(first.json.metadata.deletionGracePeriodSeconds, 30);
  const shorter = await request('DELETE', `${pods}/bound`, { body: { gracePeriodSeconds: 5 } });
  t.is(shorter.json.metadata.deletionGracePeriodSeconds, 5);
  const longer = await request('DELETE', `${pods}/bound`, { body: { gracePeriodSeconds: 60 } });
  t.is(longer.json.metadata.deletionGracePeriodSeconds, 5);
  await api.finishPodDeletion('default', 'bound', 'another-uid');
  t.is((await request('GET', `${pods}/bound`)).status, 200);
  await api.finishPodDeletion('default', 'bound', pod.metadata.uid);
  t.is((await request('GET', `${pods}/bound`)).status, 404);
});

test.serial('a bound pod goes at once when no grace is asked for', async (t) => {
  const { request, api, options } = server();
  await request('POST', pods, { body: podNamed('bound') });
  await api.bind('default', 'bound', '', 'node-1', options);
  t.is((await request('DELETE', `${pods}/bound`, { body: { gracePeriodSeconds: 0 } })).status, 200);
  t.is((await request('GET', `${pods}/bound`)).status, 404);
});

test.serial('an eviction deletes the pod', async (t) => {
  const { request } = server();
  await request('POST', pods, { body: podNamed('one') });
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'one', namespace: 'default' } };
  t.is((await request('POST', `${pods}/one/eviction`, { body })).status, 201);
  t.is((await request('GET', `${pods}/one`)).status, 404);
});

test.serial('a namespace is Terminating until it is finalized, and takes nothing new meanwhile', async (t) => {
  const { request } = server();
  const created = await request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'team' } } });
  t.is(created.status, 201);
  const deleted = await request('DELETE', '/api/v1/namespaces/team');
  t.is(deleted.json.status.phase, 'Terminating');
  const refused = await request('POST', '/api/v1/namespaces/team/configmaps', { body: configMapNamed('late') });
  t.is(refused.status, 403);
  t.regex(refused.json.message, /because it is being terminated/);
  const body = { ...deleted.json, spec: { finalizers: [] } };
  t.is((await request('PUT', '/api/v1/namespaces/team/finalize', { body })).status, 200);
  t.is((await request('GET', '/api/v1/namespaces/team')).status, 404);
});

test.serial('system namespaces stay, and nothing is created in one that is not there', async (t) => {
  const { request } = server();
  for (const name of ['default', 'kube-system', 'kube-public']) t.is((await request('DELETE', `/api/v1/namespaces/${name}`)).status, 403);
  const missing = await request('POST', '/api/v1/namespaces/nowhere/configmaps', { body: configMapNamed('one') });
  t.is(missing.status, 404);
  t.is(missing.json.message, 'namespaces "nowhere" not found');
});

test.serial('scale is read and written as a Scale of its own', async (t) => {
  const { request } = server();
  await request('POST', deployments, { body: deploymentNamed('web', 2) });
  const { json: scale } = await request('GET', `${deployments}/web/scale`);
  t.like(scale, { kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 2 }, status: { replicas: 0, selector: 'app=web' } });
  const patched = await request('PATCH', `${deployments}/web/scale`, { headers: mergePatch, body: { spec: { replicas: 4 } } });
  t.is(patched.json.spec.replicas, 4);
  t.is((await request('PUT', `${deployments}/web/scale`, { body: { ...scale, spec: { replicas: 5 } } })).status, 409);
  t.is((await request('PUT', `${deployments}/web/scale`, { body: { ...patched.json, spec: { replicas: 5 } } })).status, 200);
  const { json: web } = await request('GET', `${deployments}/web`);
  t.is(web.spec.replicas, 5);
  t.is(web.metadata.generation, 3);
  t.is((await request('PATCH', `${deployments}/web/scale`, { headers: mergePatch, body: { spec: { replicas: -1 } } })).status, 422);
});

test.serial('deletecollection deletes what its selector finds', async (t) => {
  const { request } = server();
  for (const name of ['a', 'b', 'c']) {
    await request('POST', configMaps, { body: { ...configMapNamed(name), metadata: { name, labels: { keep: name === 'b' ? 'yes' : 'no' } } } });
  }
  const deleted = await request('DELETE', `${configMaps}?labelSelector=keep%3Dno`);
  t.is(deleted.status, 200);
  t.is(deleted.json.items.length, 2);
  const { json } = await request('GET', configMaps);
  t.deepEqual(json.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name), ['b']);
});
