/** An unmodified kubectl against the API, where it is installed. */
import test, { type ExecutionContext } from 'ava';
import { configMapNamed, deploymentNamed, podNamed } from '../fixtures/api-objects.ts';
import type { ApiFixture } from '../fixtures/api-server.ts';
import { hasKubectl, type Kubectl, kubectlFor } from '../fixtures/kubectl.ts';
import { sharedApi } from './conformance-server.ts';

const server = sharedApi(test, { emptied: true });

const withKubectl = async (t: ExecutionContext, run: (kubectl: Kubectl, fixture: ApiFixture) => Promise<void>): Promise<void> => {
  if (!(await hasKubectl())) {
    t.pass('there is no kubectl on this machine');
    return;
  }
  const fixture = server();
  await run(kubectlFor(fixture.dir, fixture.kubeconfigPath), fixture);
};

/** Runs kubectl, which must succeed, and gives its output. */
const ok = async (t: ExecutionContext, kubectl: Kubectl, line: string, input?: string): Promise<string> => {
  const { code, stdout, stderr } = await kubectl(line.split(' '), input);
  t.is(code, 0, `kubectl ${line}\n${stdout}${stderr}`);
  return stdout;
};

test.serial('apply creates, leaves and changes, and knows a typo', (t) =>
  withKubectl(t, async (kubectl) => {
    const web = deploymentNamed('web', 2) as { spec: { replicas: number; template: { spec: { containers: object[] } } } };
    t.is(await ok(t, kubectl, 'apply -f -', JSON.stringify(web)), 'deployment.apps/web created\n');
    t.is(await ok(t, kubectl, 'apply -f -', JSON.stringify(web)), 'deployment.apps/web unchanged\n');
    web.spec.replicas = 3;
    t.is(await ok(t, kubectl, 'apply -f -', JSON.stringify(web)), 'deployment.apps/web configured\n');
    t.is(await ok(t, kubectl, 'get deployment web -o jsonpath={.spec.replicas}'), '3');
    const typo = await kubectl(['apply', '-f', '-'], JSON.stringify({ ...web, spec: { ...web.spec, replicaz: 1 } }));
    t.not(typo.code, 0);
    t.regex(typo.stderr, /unknown field "spec\.replicaz"/);
    t.regex(await ok(t, kubectl, 'apply --dry-run=server -f -', JSON.stringify(web)), /unchanged \(server dry run\)/);
  }));

test.serial('create sends protobuf and is understood', (t) =>
  withKubectl(t, async (kubectl) => {
    t.is(await ok(t, kubectl, 'create deployment web --image=registry.test/app:1 --replicas=2 --port=80'), 'deployment.apps/web created\n');
    t.is(await ok(t, kubectl, 'get deployment web -o jsonpath={.spec.replicas}/{.spec.template.spec.containers[0].ports[0].containerPort}'), '2/80');
    await ok(t, kubectl, 'create configmap settings --from-literal=a=1 --from-literal=b=2');
    t.is(await ok(t, kubectl, 'get configmap settings -o jsonpath={.data}'), '{"a":"1","b":"2"}');
    await ok(t, kubectl, 'create secret generic hidden --from-literal=key=value');
    t.is(await ok(t, kubectl, 'get secret hidden -o jsonpath={.data.key}'), Buffer.from('value').toString('base64'));
    await ok(t, kubectl, 'create namespace team');
    await ok(t, kubectl, 'create serviceaccount robot -n team');
    await ok(t, kubectl, 'create service clusterip web --tcp=80:8080');
    t.is(await ok(t, kubectl, 'get service web -o jsonpath={.spec.ports[0].targetPort}'), '8080');
    const missing = await kubectl(['create', 'configmap', 'x', '-n', 'nowhere']);
    t.regex(missing.stderr, /namespaces "nowhere" not found/);
  }));

test.serial('get prints tables, in every selection and form', (t) =>
  withKubectl(t, async (kubectl, { request, api, options }) => {
    for (const name of ['one', 'two']) await request('POST', '/api/v1/namespaces/default/pods', { body: podNamed(name) });
    await api.bind('default', 'one', '', 'node-1', options);
    const lines = (await ok(t, kubectl, 'get pods')).trim().split('\n');
    t.regex(lines[0] ?? '', /^NAME +READY +STATUS +RESTARTS +AGE$/);
    t.regex(lines[1] ?? '', /^one +0\/1 +Pending +0 +\d+s$/);
    t.regex(await ok(t, kubectl, 'get pods -o wide'), /NOMINATED NODE/);
    t.regex(await ok(t, kubectl, 'get pods -A --show-labels'), /default +one .*app=one/);
    t.is(await ok(t, kubectl, 'get po -l app=two -o name'), 'pod/two\n');
    t.is(await ok(t, kubectl, 'get pods --field-selector spec.nodeName=node-1 -o name'), 'pod/one\n');
    t.is((await ok(t, kubectl, 'get pods --chunk-size=1 -o name')).trim().split('\n').length, 2);
    t.regex(await ok(t, kubectl, 'get pods --sort-by=.metadata.name'), /one[\s\S]*two/);
    t.regex(await ok(t, kubectl, 'get all'), /pod\/one/);
    t.regex(await ok(t, kubectl, 'get ns'), /kube-system +Active/);
    const missing = await kubectl(['get', 'pod', 'three']);
    t.is(missing.stderr, 'Error from server (NotFound): pods "three" not found\n');
  }));

test.serial('describe, explain and api-resources tell what there is', (t) =>
  withKubectl(t, async (kubectl, { request }) => {
    await request('POST', '/apis/apps/v1/namespaces/default/deployments', { body: deploymentNamed('web', 2) });
    await request('POST', '/api/v1/namespaces/default/pods', { body: podNamed('one') });
    t.regex(await ok(t, kubectl, 'describe deployment web'), /StrategyType: +RollingUpdate/);
    t.regex(await ok(t, kubectl, 'describe pod one'), /Image: +registry\.test\/app:1/);
    t.regex(await ok(t, kubectl, 'explain deployment.spec.replicas'), /FIELD: replicas <integer>/);
    const resources = await ok(t, kubectl, 'api-resources');
    t.regex(resources, /deployments +deploy +apps\/v1 +true +Deployment/);
    t.regex(await ok(t, kubectl, 'api-versions'), /apps\/v1/);
    t.regex(await ok(t, kubectl, 'version'), /Server Version: v1\.32\./);
  }));

test.serial('scale, set, label, annotate, patch and replace change objects', (t) =>
  withKubectl(t, async (kubectl, { request }) => {
    await request('POST', '/apis/apps/v1/namespaces/default/deployments', { body: deploymentNamed('web', 2) });
    await request('POST', '/api/v1/namespaces/default/configmaps', { body: configMapNamed('one') });
    t.is(await ok(t, kubectl, 'scale deployment/web --replicas=4'), 'deployment.apps/web scaled\n');
    await ok(t, kubectl, 'scale deployment/web --current-replicas=4 --replicas=5');
    t.is(await ok(t, kubectl, 'get deployment web -o jsonpath={.spec.replicas}'), '5');
    await ok(t, kubectl, 'set image deployment/web main=registry.test/app:2');
    t.is(await ok(t, kubectl, 'get deployment web -o jsonpath={.spec.template.spec.containers[0].image}'), 'registry.test/app:2');
    t.is(await ok(t, kubectl, 'label configmap one tier=back'), 'configmap/one labeled\n');
    t.is(await ok(t, kubectl, 'annotate configmap one note=yes'), 'configmap/one annotated\n');
    t.is(await ok(t, kubectl, 'get cm one -o jsonpath={.metadata.labels.tier}{.metadata.annotations.note}'), 'backyes');
    for (const type of ['merge', 'strategic']) await ok(t, kubectl, `patch cm one --type=${type} -p {"data":{"key":"${type}"}}`);
    await ok(t, kubectl, 'patch cm one --type=json -p [{"op":"replace","path":"/data/key","value":"json"}]');
    t.is(await ok(t, kubectl, 'get cm one -o jsonpath={.data.key}'), 'json');
    t.is(await ok(t, kubectl, 'patch cm one --type=merge -p {"data":{"key":"json"}}'), 'configmap/one patched (no change)\n');
    await ok(t, kubectl, 'replace -f -', JSON.stringify(configMapNamed('one', { key: 'replaced' })));
    await ok(t, kubectl, 'rollout restart deployment/web');
    await ok(t, kubectl, 'rollout pause deployment/web');
    t.is(await ok(t, kubectl, 'get deployment web -o jsonpath={.spec.paused}'), 'true');
    t.regex((await kubectl(['scale', 'deployment/web', '--replicas=-1'])).stderr, /replicas/);
  }));

test.serial('delete and wait see the end of an object', (t) =>
  withKubectl(t, async (kubectl, { request }) => {
    await request('POST', '/api/v1/namespaces/default/pods', { body: podNamed('one') });
    const waiting = kubectl(['wait', '--for=delete', 'pod/one', '--timeout=20s']);
    t.is(await ok(t, kubectl, 'delete pod one'), 'pod "one" deleted\n');
    t.is((await waiting).code, 0);
    await request('POST', '/apis/apps/v1/namespaces/default/deployments', { body: deploymentNamed('web') });
    t.is(await ok(t, kubectl, 'delete deployment -l app=web'), 'deployment.apps "web" deleted\n');
    await request('POST', '/api/v1/namespaces/default/configmaps', { body: configMapNamed('one') });
    const condition = kubectl(['wait', '--for=jsonpath={.data.key}=done', 'configmap/one', '--timeout=20s']);
    await ok(t, kubectl, 'patch cm one --type=merge -p {"data":{"key":"done"}}');
    t.is((await condition).code, 0);
  }));

test.serial('cordon, taint and drain work on nodes', (t) =>
  withKubectl(t, async (kubectl, { request, api, options }) => {
    await request('POST', '/api/v1/nodes', { body: { metadata: { name: 'node-1' } } });
    await request('POST', '/api/v1/namespaces/default/pods', { body: podNamed('one') });
    await ok(t, kubectl, 'cordon node-1');
    t.regex(await ok(t, kubectl, 'get nodes'), /node-1 +Unknown,SchedulingDisabled/);
    await ok(t, kubectl, 'uncordon node-1');
    await ok(t, kubectl, 'taint nodes node-1 key=value:NoSchedule');
    await api.bind('default', 'one', '', 'node-1', options);
    const draining = kubectl(['drain', 'node-1', '--force', '--timeout=20s']);
    const path = '/api/v1/namespaces/default/pods/one';
    let pod = (await request('GET', path)).json;
    while (!pod.metadata.deletionTimestamp) pod = (await request('GET', path)).json;
    await api.finishPodDeletion('default', 'one', pod.metadata.uid);
    const { code, stderr } = await draining;
    t.is(code, 0, stderr);
  }));

test.serial('auth tells who one is and what one may', (t) =>
  withKubectl(t, async (kubectl) => {
    t.regex(await ok(t, kubectl, 'auth whoami'), /Username +admin/);
    t.is(await ok(t, kubectl, 'auth can-i create pods'), 'yes\n');
    const bob = await kubectl(['auth', 'can-i', 'create', 'pods', '--as', 'bob']);
    t.is(bob.stdout.split('\n')[0]?.split(' ')[0], 'no');
  }));
