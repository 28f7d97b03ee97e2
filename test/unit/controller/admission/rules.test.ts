import test from 'ava';
import type { Admitted } from '../../../../controller/admission/chain.ts';
import { protectedNamespaces } from '../../../../controller/admission/protected-namespaces.ts';
import { serviceAccount } from '../../../../controller/admission/service-account.ts';
import type { Reader } from '../../../../controller/store/reader.ts';
import { configMapKind, type Kind, namespaceKind, podKind } from '../../../../proto/kinds.ts';
import type { KubeObject, Pod } from '../../../../proto/resources/kubernetes.ts';
import { podNamed } from '../../../fixtures/api-objects.ts';

const user = { name: 'test', groups: [] };
const pod = (spec: object): Pod => podNamed('p', { spec }) as unknown as Pod;
const creation = (object: KubeObject): Admitted => ({ operation: 'create', kind: podKind, namespace: 'default', name: 'p', user, object });

/** A reader that knows these service accounts, those of `late` only once it is asked to be current. */
const knowing = (names: readonly string[], late: readonly string[] = []): Reader => {
  const keys = new Set(names);
  return {
    get: (_kind: Kind, key: string) => (keys.has(key) ? {} : undefined),
    current: () => Promise.resolve(late.forEach((name) => keys.add(name))),
  } as unknown as Reader;
};

test('a pod without a service account gets the default one, in both fields', async (t) => {
  const object = pod({ containers: [] });
  await serviceAccount(creation(object), knowing([]));
  t.like(object.spec, { serviceAccountName: 'default', serviceAccount: 'default' });
});

test('the deprecated field counts when it is the only one, and follows otherwise', async (t) => {
  const old = pod({ containers: [], serviceAccount: 'robot' });
  await serviceAccount(creation(old), knowing(['default/robot']));
  t.like(old.spec, { serviceAccountName: 'robot', serviceAccount: 'robot' });
  const both = pod({ containers: [], serviceAccount: 'old', serviceAccountName: 'new' });
  await serviceAccount(creation(both), knowing(['default/new']));
  t.like(both.spec, { serviceAccountName: 'new', serviceAccount: 'new' });
});

test('a service account that is named must be there, though it may have come just now', async (t) => {
  const robot = creation(pod({ containers: [], serviceAccountName: 'robot' }));
  const error = await t.throwsAsync(serviceAccount(robot, knowing(['other/robot'])), { name: 'ApiError' });
  t.is(error.message, 'pods "p" is forbidden: error looking up service account default/robot: serviceaccount "robot" not found');
  await t.notThrowsAsync(serviceAccount(robot, knowing([], ['default/robot'])));
});

test('other kinds and updates are left alone', async (t) => {
  const object = pod({ containers: [] });
  await serviceAccount({ ...creation(object), operation: 'update' }, knowing([]));
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
