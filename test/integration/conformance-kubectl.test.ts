/** What people do with kubectl, command by command and with every version that is installed, against one server. */
import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { kinds } from '../../proto/kinds.ts';
import { configMapNamed, deploymentNamed, podNamed } from '../fixtures/api-objects.ts';
import { sharedApi } from './conformance-server.ts';

const api = sharedApi(test);

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const timeoutMs = 60_000;

const installed = (process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'kubectl')).find((path) => existsSync(path));
/** Plain builds of other versions lie beside a kubectl that chooses among them. */
const builds = ['1.27', '1.28', '1.29', '1.30', '1.31', '1.32', '1.33']
  .map((version) => ({ version, path: installed ? join(dirname(realpathSync(installed)), `kubectl.${version}`) : '' }))
  .filter(({ path }) => existsSync(path));

interface Run {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly program?: string;
  /** Expected, as the message's pattern: then kubectl must fail with it. */
  readonly fails?: RegExp;
}

/** Runs kubectl, which must succeed unless told otherwise; gives what it said on stdout, or stderr of a failure. */
const kubectl = async (t: ExecutionContext, line: string | readonly string[], { input, env, program, fails }: Run = {}): Promise<string> => {
  const args = typeof line === 'string' ? line.split(' ') : line;
  const home = join(api().dir, `home-${(program ?? 'kubectl').split('.').at(-1)}`);
  await mkdir(home, { recursive: true });
  const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const options = { env: { PATH: process.env['PATH'], HOME: home, KUBECONFIG: api().kubeconfigPath, ...env }, timeout: timeoutMs, maxBuffer: 2 ** 25 };
    const child = execFile(program ?? 'kubectl', args, options, (error, out, err) => {
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, stdout: out, stderr: err });
    });
    child.stdin?.end(input ?? '');
  });
  if (!fails) {
    t.is(code, 0, `kubectl ${args.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  }
  t.not(code, 0, `kubectl ${args.join(' ')}\n${stdout}`);
  t.regex(stderr, fails);
  return stderr;
};

/** A test that needs kubectl. */
const withKubectl = (title: string, run: (t: ExecutionContext) => Promise<void>): void =>
  test.serial(title, async (t) => {
    if (installed) await run(t);
    else t.pass('there is no kubectl on this machine');
  });

const web = (): any => deploymentNamed('web', 2); // oxlint-disable-line no-explicit-any

withKubectl('apply, diff, edit, set-last-applied and replace agree on what changed', async (t) => {
  const apply = async (object: object, how = 'apply -f -'): Promise<string> => kubectl(t, how, { input: JSON.stringify(object) });
  const object = web();
  object.spec.strategy = { type: 'Recreate' };
  object.spec.template.spec.containers[0].env = [{ name: 'A', value: '1' }, { name: 'B', value: '2' }];
  object.spec.template.spec.volumes = [{ name: 'v', emptyDir: {} }];
  t.is(await apply(object), 'deployment.apps/web created\n');
  t.is(await apply(object), 'deployment.apps/web unchanged\n');
  t.is(await apply(object, 'diff -f -'), '');
  object.spec.strategy = { type: 'RollingUpdate' };
  object.spec.template.spec.containers[0].env = [{ name: 'A', value: '1' }, { name: 'C', value: '3' }];
  object.spec.template.spec.volumes = [{ name: 'v', hostPath: { path: '/x' } }];
  await kubectl(t, 'diff -f -', { input: JSON.stringify(object), fails: /^$/ });
  t.is(await apply(object), 'deployment.apps/web configured\n');
  t.is(await apply(object, 'diff -f -'), '');
  const { spec } = (await api().request('GET', `${deployments}/web`)).json;
  t.deepEqual(spec.strategy, { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } });
  t.deepEqual(spec.template.spec.containers[0].env, [{ name: 'A', value: '1' }, { name: 'C', value: '3' }]);
  t.deepEqual(spec.template.spec.volumes, [{ name: 'v', hostPath: { path: '/x', type: '' } }]);
  await kubectl(t, 'apply --server-side -f -', { input: JSON.stringify(object), fails: /server-side apply is not served yet/ });
  await apply(object, 'apply set-last-applied -f -');
  t.regex(await kubectl(t, 'apply view-last-applied deployment/web'), /kind: Deployment/);
  const editor = join(api().dir, 'editor');
  await writeFile(editor, '#!/bin/sh\nsed -i "s/replicas: 2/replicas: 4/" "$1"\n');
  await chmod(editor, 0o755);
  t.is(await kubectl(t, 'edit deployment web', { env: { KUBE_EDITOR: editor } }), 'deployment.apps/web edited\n');
  t.is(await kubectl(t, 'get deployment web -o jsonpath={.spec.replicas}'), '4');
  t.is(await apply(object, 'replace -f -'), 'deployment.apps/web replaced\n');
  const { uid } = (await api().request('GET', `${deployments}/web`)).json.metadata;
  await apply(object, 'replace --force -f -');
  t.not((await api().request('GET', `${deployments}/web`)).json.metadata.uid, uid);
  await apply({ ...configMapNamed('stale'), metadata: { name: 'stale', labels: { app: 'web' } } });
  t.regex(await apply(object, 'apply --prune -l app=web --prune-allowlist=core/v1/ConfigMap -f -'), /configmap\/stale pruned/);
});

withKubectl('the commands that make objects send what the server understands', async (t) => {
  const made = async (line: string, said: RegExp): Promise<void> => void t.regex(await kubectl(t, line), said);
  await made('create deployment made --image=x:1 --replicas=2 --port=80 -- sh -c true', /^deployment.apps\/made created/);
  await made('create configmap made --from-literal=a=1', /created/);
  await made('create secret generic made --from-literal=a=1', /created/);
  await made('create secret docker-registry pull --docker-username=a --docker-password=b --docker-server=c', /created/);
  await made('create namespace made', /created/);
  await made('create serviceaccount made -n made', /created/);
  for (const line of ['clusterip cluster --tcp=80:8080', 'nodeport node --tcp=80', 'loadbalancer balancer --tcp=80', 'externalname external --external-name=example.com']) {
    await made(`create service ${line}`, /^service\/\w+ created/);
  }
  await made('run made --image=x:1 --labels=a=b --env=A=1 --port=80', /^pod\/made created/);
  await made('expose deployment made --name=exposed --port=80', /^service\/exposed exposed/);
  await made('run dry --image=x:1 --dry-run=server -o name', /^pod\/dry/);
  for (const line of ['job made --image=x', 'quota made --hard=cpu=1', 'token made -n made']) await kubectl(t, `create ${line}`, { fails: /could not find the requested resource/ });
  await kubectl(t, 'get cronjobs', { fails: /doesn't have a resource type "cronjobs"/ });
  const { json } = await api().request('GET', `${deployments}/made`);
  t.is(json.metadata.managedFields[0].manager, 'kubectl-create');
  t.deepEqual(json.spec.template.spec.containers[0].command, ['sh', '-c', 'true']);
});

withKubectl('the commands that change objects change what they say, each as its own manager', async (t) => {
  await api().request('POST', deployments, { body: deploymentNamed('changed', 2) });
  await api().request('POST', '/api/v1/nodes', { body: { metadata: { name: 'changed' } } });
  for (const line of [
    'label deployment changed tier=back', 'annotate deployment changed note=yes', 'patch deployment changed -p {"spec":{"minReadySeconds":1}}',
    'patch deployment changed --type=merge -p {"spec":{"minReadySeconds":2}}', 'set image deployment/changed main=y:2', 'set env deployment/changed A=B',
    'set resources deployment/changed --limits=cpu=200m', 'set serviceaccount deployment changed robot', 'rollout pause deployment/changed',
    'rollout resume deployment/changed', 'rollout restart deployment/changed', 'scale deployment/changed --replicas=3',
    'scale deployment/changed --current-replicas=3 --replicas=4', 'label deployment changed tier-', 'taint nodes changed a=b:NoSchedule', 'cordon changed', 'uncordon changed',
    'taint nodes changed a-', 'patch deployment changed --subresource=status --type=merge -p {"status":{"replicas":1}}',
  ]) await kubectl(t, line);
  await kubectl(t, 'scale deployment/changed --current-replicas=9 --replicas=1', { fails: /Expected replicas to be 9, was 4/ });
  const { metadata, spec, status } = (await api().request('GET', `${deployments}/changed`)).json;
  t.like(spec, { replicas: 4, minReadySeconds: 2 });
  t.like(spec.template.spec, { serviceAccountName: 'robot' });
  t.like(spec.template.spec.containers[0], { image: 'y:2', env: [{ name: 'A', value: 'B' }], resources: { limits: { cpu: '200m' } } });
  t.is(status.replicas, 1);
  const managers = new Set(metadata.managedFields.map(({ manager }: { manager: string }) => manager));
  for (const manager of ['kubectl-annotate', 'kubectl-patch', 'kubectl-set', 'kubectl-rollout']) t.true(managers.has(manager), manager);
});

withKubectl('get shows every kind in every form', async (t) => {
  const { request } = api();
  const { uid } = (await request('POST', '/api/v1/namespaces/default/pods', { body: podNamed('shown') })).json.metadata;
  const involvedObject = { apiVersion: 'v1', kind: 'Pod', name: 'shown', namespace: 'default', uid };
  await request('POST', '/api/v1/namespaces/default/events', { body: { metadata: { name: 'shown' }, involvedObject, reason: 'Shown', message: 'here', type: 'Normal', lastTimestamp: '2026-01-01T00:00:00Z' } });
  await request('POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', { body: { metadata: { name: 'shown' }, spec: { holderIdentity: 'me', renewTime: '2026-01-01T00:00:00.000000Z' } } });
  await request('POST', '/apis/apps/v1/namespaces/default/replicasets', { body: { ...deploymentNamed('shown'), kind: 'ReplicaSet' } });
  await kubectl(t, `get ${kinds.map(({ plural }) => plural).join()} -A`);
  await kubectl(t, `get ${kinds.map(({ plural }) => plural).join()} -o wide`);
  for (const form of ['yaml', 'json', 'name', 'wide', 'jsonpath={.items[*].metadata.name}', 'go-template={{len .items}}', 'custom-columns=N:.metadata.name']) {
    t.regex(await kubectl(t, ['get', 'pods', '-o', form]), form.startsWith('go-template') ? /\d/ : /shown/, form);
  }
  const names = async (options: string): Promise<string[]> => (await kubectl(t, `get pods -o name ${options}`)).trim().split('\n');
  t.deepEqual(await names('-l app=shown'), ['pod/shown']);
  t.deepEqual(await names('--field-selector metadata.name=shown'), ['pod/shown']);
  t.deepEqual(await names('--chunk-size=1'), await names('--chunk-size=0'));
  t.regex(await kubectl(t, 'get pods --sort-by=.metadata.name --show-labels --show-kind -L app'), /pod\/shown .*app=shown/);
  t.regex(await kubectl(t, 'get pod shown -o yaml --show-managed-fields'), /managedFields/);
  t.regex(await kubectl(t, 'get events --field-selector involvedObject.name=shown'), /Shown +pod\/shown +here/);
  t.regex(await kubectl(t, 'events --for pod/shown'), /Shown/);
  t.regex(await kubectl(t, 'get deployment web --subresource=scale'), /^NAME +DESIRED +AVAILABLE +AGE\nweb +2 +0/);
  t.regex(await kubectl(t, 'get --raw /readyz'), /ok/);
  await kubectl(t, 'get pods -w --request-timeout=1s --field-selector metadata.name=shown');
  await kubectl(t, 'get pods --field-selector spec.nothing=1', { fails: /field label not supported: spec\.nothing/ });
});

withKubectl('describe and explain know every kind', async (t) => {
  const objects = ['node/changed', 'namespace/default', 'service/cluster', 'service/external', 'secret/made', 'configmap/made', 'serviceaccount/made', 'lease/shown', 'event/shown', 'replicaset/shown', 'deployment/web', 'pod/shown'];
  for (const object of objects) {
    const namespace = object.startsWith('serviceaccount') ? 'made' : 'default';
    t.regex(await kubectl(t, `describe ${object} -n ${namespace}`), /^Name: +\S/);
  }
  t.regex(await kubectl(t, 'describe pod shown'), /Normal +Shown/);
  for (const { singular } of kinds) {
    t.regex(await kubectl(t, `explain ${singular} --recursive`), /\n {2}apiVersion\t<string>\n/);
    t.notRegex(await kubectl(t, `explain ${singular}`), /no description/);
  }
  const strategy = await kubectl(t, 'explain deployment.spec.strategy');
  t.is(strategy.match(/describes how to replace existing pods/g)?.length, 1, strategy);
  await kubectl(t, 'explain deployment.spec.nothing', { fails: /field "nothing" does not exist/ });
});

withKubectl('who am I and what may I', async (t) => {
  t.regex(await kubectl(t, 'auth whoami'), /Username +admin/);
  t.is(await kubectl(t, 'auth can-i delete nodes'), 'yes\n');
  t.regex(await kubectl(t, 'auth can-i --list'), /\*\.\*/);
  await kubectl(t, 'get pods --as bob', { fails: /Forbidden.*User "bob" cannot list resource "pods"/ });
  await kubectl(t, 'top nodes', { fails: /metrics not available yet/ });
});

withKubectl('delete waits, cascades and selects', async (t) => {
  const { request } = api();
  for (const name of ['one', 'two', 'three']) await request('POST', '/api/v1/namespaces/default/configmaps', { body: { ...configMapNamed(name), metadata: { name, labels: { go: 'yes' } } } });
  t.is(await kubectl(t, 'delete configmap one --dry-run=server'), 'configmap "one" deleted (server dry run)\n');
  t.is(await kubectl(t, 'delete configmap one'), 'configmap "one" deleted\n');
  t.is((await kubectl(t, 'delete configmap -l go=yes')).trim().split('\n').length, 2);
  for (const [cascade, finalizer] of [['foreground', 'foregroundDeletion'], ['orphan', 'orphan']]) {
    await request('POST', deployments, { body: deploymentNamed(`cascade-${cascade}`) });
    await kubectl(t, `delete deployment cascade-${cascade} --cascade=${cascade} --wait=false`);
    t.deepEqual((await request('GET', `${deployments}/cascade-${cascade}`)).json.metadata.finalizers, [finalizer]);
  }
  await request('POST', '/api/v1/namespaces/default/pods', { body: podNamed('forced') });
  t.regex(await kubectl(t, 'delete pod forced --grace-period=0 --force'), /force deleted/);
  await kubectl(t, 'delete configmap one', { fails: /NotFound.*configmaps "one" not found/ });
  t.is(await kubectl(t, 'delete configmap one --ignore-not-found'), '');
  await kubectl(t, 'delete namespace default', { fails: /this namespace may not be deleted/ });
});

for (const { version, path } of builds) {
  withKubectl(`kubectl ${version} makes, shows, changes and deletes`, async (t) => {
    const run = (line: string, input?: string): Promise<string> => kubectl(t, line, { program: path, ...(input ? { input } : {}) });
    const name = `with-${version.replace('.', '-')}`;
    t.regex(await run('version'), /Server Version: .*v1\.32/);
    t.is(await run('apply -f -', JSON.stringify(deploymentNamed(name, 2))), `deployment.apps/${name} created\n`);
    t.is(await run('apply -f -', JSON.stringify(deploymentNamed(name, 3))), `deployment.apps/${name} configured\n`);
    t.is(await run('apply -f -', JSON.stringify(deploymentNamed(name, 3))), `deployment.apps/${name} unchanged\n`);
    const typo = { ...web(), spec: { ...web().spec, replicaz: 1 } };
    await kubectl(t, 'apply -f -', { program: path, input: JSON.stringify(typo), fails: /unknown field "spec\.replicaz"/ });
    for (const kind of [{ apiVersion: 'batch/v1', kind: 'Job' }, { apiVersion: 'apps/v1', kind: 'StatefulSet' }]) {
      await kubectl(t, 'apply -f -', { program: path, input: JSON.stringify({ ...kind, metadata: { name } }), fails: new RegExp(`no matches for kind "${kind.kind}"`) });
    }
    await run(`create configmap ${name} --from-literal=a=1`);
    t.regex(await run(`get deployment,configmap -o wide`), new RegExp(`deployment.apps/${name} +0/3`));
    t.regex(await run(`describe deployment ${name}`), /Replicas: +3 desired/);
    await run(`scale deployment ${name} --replicas=1`);
    t.is(await run(`get deployment ${name} -o jsonpath={.spec.replicas}`), '1');
    t.is(await run(`delete deployment ${name}`), `deployment.apps "${name}" deleted\n`);
    t.regex(await run('api-resources'), /deployments +deploy +apps\/v1/);
  });
}
