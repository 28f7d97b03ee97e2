/** The official JavaScript client against the API: its typed calls, its watch and its patches work unchanged. */
import test from 'ava';
import { AppsV1Api, CoreV1Api, KubernetesObjectApi, PatchStrategy, Watch } from '@kubernetes/client-node';
import { configMapNamed, deploymentNamed } from '../fixtures/api-objects.ts';
import { sharedApi } from './conformance-server.ts';

const server = sharedApi(test, { emptied: true });

const namespace = 'default';

test.serial('typed calls create, read, list, replace, patch and delete', async (t) => {
  const { kubeConfig } = server();
  const core = kubeConfig.makeApiClient(CoreV1Api);
  const apps = kubeConfig.makeApiClient(AppsV1Api);
  const created = await core.createNamespacedConfigMap({ namespace, body: configMapNamed('one') });
  t.is(created.metadata?.name, 'one');
  t.true(created.metadata?.creationTimestamp instanceof Date);
  const replaced = await core.replaceNamespacedConfigMap({ name: 'one', namespace, body: { ...created, data: { key: 'two' } } });
  t.is(replaced.data?.['key'], 'two');
  await t.throwsAsync(core.replaceNamespacedConfigMap({ name: 'one', namespace, body: created }), { message: /409/ });
  await apps.createNamespacedDeployment({ namespace, body: deploymentNamed('web', 2) });
  const patch = [{ op: 'replace', path: '/spec/replicas', value: 3 }];
  t.is((await apps.patchNamespacedDeployment({ name: 'web', namespace, body: patch })).spec?.replicas, 3);
  const scale = await apps.readNamespacedDeploymentScale({ name: 'web', namespace });
  t.is(scale.spec?.replicas, 3);
  await apps.replaceNamespacedDeploymentScale({ name: 'web', namespace, body: { ...scale, spec: { replicas: 4 } } });
  t.is((await apps.listDeploymentForAllNamespaces({ labelSelector: 'app=web' })).items[0]?.spec?.replicas, 4);
  t.is((await core.deleteNamespacedConfigMap({ name: 'one', namespace })).status, 'Success');
  await t.throwsAsync(core.readNamespacedConfigMap({ name: 'one', namespace }), { message: /404/ });
  await core.createNamespacedConfigMap({ namespace, body: configMapNamed('two') });
  await core.deleteCollectionNamespacedConfigMap({ namespace });
  t.is((await core.listNamespacedConfigMap({ namespace })).items.length, 0);
});

test.serial('the generic client finds kinds by discovery', async (t) => {
  const { kubeConfig } = server();
  const client = KubernetesObjectApi.makeApiClient(kubeConfig);
  await client.create({ ...deploymentNamed('web'), metadata: { name: 'web', namespace } });
  const read = await client.read({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace } });
  t.is(read.metadata?.name, 'web');
  t.is((await client.list('apps/v1', 'Deployment', namespace)).items.length, 1);
  const change = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace, labels: { more: 'yes' } } };
  for (const strategy of [PatchStrategy.MergePatch, PatchStrategy.StrategicMergePatch]) {
    const patched = await client.patch(change, undefined, undefined, 'client', undefined, strategy);
    t.is(patched.metadata?.labels?.['more'], 'yes');
  }
});

test.serial('its watch sees changes', async (t) => {
  const { kubeConfig, request } = server();
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = await new Watch(kubeConfig).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    {},
    (phase: string, object: { metadata: { name: string } }) => {
      seen.push(`${phase} ${object.metadata.name}`);
      if (seen.length === 2) resolve();
    },
    () => undefined,
  );
  await request('POST', `/api/v1/namespaces/${namespace}/configmaps`, { body: configMapNamed('one') });
  await request('DELETE', `/api/v1/namespaces/${namespace}/configmaps/one`);
  await promise;
  t.deepEqual(seen, ['ADDED one', 'DELETED one']);
  watch.abort();
});
