import test from 'ava';
import type { Admitted } from '../../../../controller/admission/chain.ts';
import { protectedNamespaces } from '../../../../controller/admission/protected-namespaces.ts';
import { serviceAccount } from '../../../../controller/admission/service-account.ts';
import { configMapKind, namespaceKind, podKind } from '../../../../proto/kinds.ts';
import type { KubeObject, Pod } from '../../../../proto/resources/kubernetes.ts';
import { podNamed } from '../../../fixtures/api-objects.ts';

const user = { name: 'test', groups: [] };
const pod = (spec: object): Pod => podNamed('p', { spec }) as unknown as Pod;
const creation = (object: KubeObject): Admitted => ({ operation: 'create', kind: podKind, namespace: 'default', name: 'p', user, object });

test('a pod without a service account gets the default one, in both fields', (t) => {
  const object = pod({ containers: [] });
  serviceAccount(creation(object));
  t.like(object.spec, { serviceAccountName: 'default', serviceAccount: 'default' });
});

test('the deprecated field counts when it is the only one, and follows otherwise', (t) => {
  const old = pod({ containers: [], serviceAccount: 'robot' });
  serviceAccount(creation(old));
  t.like(old.spec, { serviceAccountName: 'robot', serviceAccount: 'robot' });
  const both = pod({ containers: [], serviceAccount: 'old', serviceAccountName: 'new' });
  serviceAccount(creation(both));
  t.like(both.spec, { serviceAccountName: 'new', serviceAccount: 'new' });
});

test('other kinds and updates are left alone', (t) => {
  const object = pod({ containers: [] });
  serviceAccount({ ...creation(object), operation: 'update' });
  t.deepEqual(object.spec, pod({ containers: [] }).spec);
});

test('only deletions of the cluster\'s own namespaces are refused', (t) => {
  const deletion = (name: string, kind = namespaceKind): Admitted => ({ operation: 'delete', kind, namespace: '', name, user });
  for (const name of ['default', 'kube-system', 'kube-public']) {
    t.throws(() => protectedNamespaces(deletion(name)), { name: 'ApiError', message: /forbidden/ });
  }
  t.notThrows(() => protectedNamespaces(deletion('team')));
  t.notThrows(() => protectedNamespaces(deletion('default', configMapKind)));
});
