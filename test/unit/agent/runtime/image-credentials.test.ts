import test from 'ava';
import { covers, credentialsFor } from '../../../../agent/runtime/image-credentials.ts';
import { parseImageReference } from '../../../../agent/runtime/image-reference.ts';
import type { Pod, PodSpec } from '../../../../proto/resources/kubernetes.ts';
import { TestObjects } from '../../../fixtures/containerd-objects.ts';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
const pod = (spec: Partial<PodSpec>): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { containers: [], ...spec } });

test('a registry’s key covers its repositories, a path those below it, a star one label of the host', (t) => {
  t.true(covers('https://index.docker.io/v1/', 'docker.io/library/busybox'));
  t.true(covers('localhost:5001', 'localhost:5001/app'));
  t.false(covers('localhost:5001', 'localhost:5000/app'));
  t.true(covers('*.example.com/team', 'a.example.com/team/app'));
  t.false(covers('*.example.com', 'a.b.example.com/app'));
  t.false(covers('r.example.com/team', 'r.example.com/teams/app'));
});

test('secrets of both types are read, the most specific first; those of the service account where the pod names none', (t) => {
  const objects = new TestObjects();
  const auth = Buffer.from('ann:a:b').toString('base64');
  objects.set('Secret', 'new', { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': encode({ auths: { 'r.example.com': { auth } } }) } });
  objects.set('Secret', 'old', { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': encode({ 'r.example.com/team': { username: 'bob', password: 'pw' } }) } });
  objects.set('Secret', 'broken', { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'bm90IGpzb24=' } });
  objects.set('ServiceAccount', 'default', { imagePullSecrets: [{ name: 'new' }] });
  const reference = parseImageReference('r.example.com/team/app:1');
  if (!reference) throw new Error('no reference');
  const users = (spec: Partial<PodSpec>): (string | undefined)[][] => credentialsFor(reference, pod(spec), objects).map(({ username, password }) => [username, password]);
  t.deepEqual(users({ imagePullSecrets: [{ name: 'absent' }, { name: 'broken' }, { name: 'new' }, { name: 'old' }] }), [['bob', 'pw'], ['ann', 'a:b']]);
  t.deepEqual(users({}), [['ann', 'a:b']]);
  t.deepEqual(users({ serviceAccountName: 'other' }), []);
});
