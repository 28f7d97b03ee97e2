import test from 'ava';
import { Assignments, neededByObject, neededByPod, neededKey } from '../../../../controller/nodes/assignments.ts';
import type { Needed } from '../../../../controller/nodes/assignments.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import type { Pod, ServiceAccount } from '../../../../proto/resources/kubernetes.ts';

const pod = (spec: Partial<NonNullable<Pod['spec']>>): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns', uid: 'u' }, spec: { containers: [], ...spec },
});
const keys = (needed: readonly Needed[]): string[] => needed.map(neededKey).sort();
const secret = (name: string): Needed => ({ kind: 'Secret', namespace: 'ns', name });

test('a pod needs what its volumes, environment, pull secrets and service account name, each once', (t) => {
  const needed = neededByPod(pod({
    serviceAccountName: 'builder',
    imagePullSecrets: [{ name: 'registry' }, {}],
    volumes: [
      { name: 'a', configMap: { name: 'files' } },
      { name: 'b', secret: { secretName: 'tls' } },
      { name: 'c', projected: { sources: [{ configMap: { name: 'more' } }, { secret: { name: 'tls' } }, { downwardAPI: {} }] } },
      { name: 'd', emptyDir: {} },
    ],
    initContainers: [{ name: 'i', envFrom: [{ configMapRef: { name: 'env' } }, { secretRef: { name: 'password' } }] }],
    containers: [{ name: 'm', env: [
      { name: 'A', value: 'x' },
      { name: 'B', valueFrom: { configMapKeyRef: { name: 'files', key: 'k' } } },
      { name: 'C', valueFrom: { secretKeyRef: { name: 'key', key: 'k' } } },
      { name: 'D', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ] }],
  }));
  t.deepEqual(keys(needed), [
    'ConfigMap/ns/env', 'ConfigMap/ns/files', 'ConfigMap/ns/more',
    'Secret/ns/key', 'Secret/ns/password', 'Secret/ns/registry', 'Secret/ns/tls', 'ServiceAccount/ns/builder',
  ]);
});

test('a pod without a service account needs the default one', (t) => {
  t.deepEqual(keys(neededByPod(pod({}))), ['ServiceAccount/ns/default']);
});

test('a service account needs its pull secrets, other objects nothing', (t) => {
  const account: ServiceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'sa', namespace: 'ns' }, imagePullSecrets: [{ name: 'registry' }] };
  t.deepEqual(keys(neededByObject(account)), ['Secret/ns/registry']);
  t.deepEqual(neededByObject({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'ns' }, imagePullSecrets: [{ name: 'x' }] }), []);
});

test('what two pods need is dropped with the second of them', (t) => {
  const assignments = new Assignments();
  t.deepEqual(keys(assignments.set('one', [secret('s')]).added), ['Secret/ns/s']);
  t.deepEqual(assignments.set('two', [secret('s')]), { added: [], dropped: [] });
  t.deepEqual(assignments.set('one', []), { added: [], dropped: [] });
  t.true(assignments.needs('Secret/ns/s'));
  t.deepEqual(keys(assignments.set('two', []).dropped), ['Secret/ns/s']);
  t.false(assignments.needs('Secret/ns/s'));
});

test('whatever changes, added and dropped add up to what the owners need', (t) => {
  const random = seededRandom(11);
  const assignments = new Assignments();
  const owners = new Map<string, Needed[]>();
  const held = new Set<string>();
  for (let step = 0; step < 2_000; step += 1) {
    const owner = `o${Math.floor(random.next() * 6)}`;
    const needed = Array.from({ length: 5 }, (_, index) => secret(`s${index}`)).filter(() => random.next() < 0.4);
    const { added, dropped } = assignments.set(owner, needed);
    owners.set(owner, needed);
    for (const one of added) held.add(neededKey(one));
    for (const one of dropped) held.delete(neededKey(one));
    t.deepEqual([...held].sort(), [...new Set([...owners.values()].flat().map(neededKey))].sort());
  }
});
