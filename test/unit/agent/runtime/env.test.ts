import test from 'ava';
import { environment, expand } from '../../../../agent/runtime/env.ts';
import { RuntimeFailure } from '../../../../agent/runtime/runtime.ts';
import type { Container, Pod } from '../../../../proto/resources/kubernetes.ts';
import { TestObjects } from '../../../fixtures/containerd-objects.ts';

const node = { nodeName: 'n1', hostIp: '192.0.2.7', allocatable: { cpuMilli: 4000, memoryBytes: 8 * 2 ** 30, ephemeralStorageBytes: 1000 } };

const environmentOf = (container: Partial<Container>, objects = new TestObjects()): Record<string, string> => {
  const full = { name: 'main', ...container } as Container;
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'u-1', labels: { b: '2', a: 'x"y' }, annotations: { note: 'hi' } },
    spec: { containers: [full], nodeName: 'n1', serviceAccountName: 'robot' },
  };
  const status = { podIP: '10.0.0.5', podIPs: [{ ip: '10.0.0.5' }, { ip: 'fd00::5' }] };
  return Object.fromEntries(environment({ pod, container: full, status, node, objects }));
};

test('variables are expanded where known, kept where not, and $$ is a dollar sign', (t) => {
  const values = new Map([['A', 'one'], ['B', '']]);
  t.is(expand('$(A)-$(B)-$(C)-$$(A)-$$$(A)-$A-$(', values), 'one--$(C)-$(A)-$one-$A-$(');
});

test('a later variable may name an earlier one, not the other way round', (t) => {
  const env = environmentOf({ env: [{ name: 'URL', value: '$(HOST):80' }, { name: 'HOST', value: 'web' }, { name: 'BOTH', value: '$(HOST):81' }] });
  t.deepEqual(env, { URL: '$(HOST):80', HOST: 'web', BOTH: 'web:81' });
});

test('fields of the pod and of the node are texts', (t) => {
  const field = (fieldPath: string): string | undefined => environmentOf({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath } } }] })['X'];
  t.is(field('metadata.name'), 'web');
  t.is(field('metadata.namespace'), 'default');
  t.is(field('metadata.uid'), 'u-1');
  t.is(field("metadata.labels['b']"), '2');
  t.is(field("metadata.annotations['absent']"), '');
  t.is(field('metadata.labels'), 'a="x\\"y"\nb="2"');
  t.is(field('spec.nodeName'), 'n1');
  t.is(field('spec.serviceAccountName'), 'robot');
  t.is(field('status.hostIP'), '192.0.2.7');
  t.is(field('status.podIP'), '10.0.0.5');
  t.is(field('status.podIPs'), '10.0.0.5,fd00::5');
  t.throws(() => field('spec.containers'), { instanceOf: RuntimeFailure, message: /unsupported fieldPath/ });
});

test('resources are counted in divisors, rounded up; without a limit the node’s count', (t) => {
  const resources = { limits: { cpu: '1500m' }, requests: { memory: '100M' } };
  const value = (resource: string, divisor?: string): string | undefined =>
    environmentOf({ resources, env: [{ name: 'X', valueFrom: { resourceFieldRef: { resource, ...(divisor ? { divisor } : {}) } } }] })['X'];
  t.is(value('limits.cpu'), '2');
  t.is(value('limits.cpu', '1m'), '1500');
  t.is(value('requests.memory', '1Mi'), '96');
  t.is(value('limits.memory', '1Gi'), '8');
  t.is(value('requests.cpu'), '0');
  t.throws(() => value('limits.gold'), { instanceOf: RuntimeFailure });
});

test('keys come from objects; one that is missing fails unless it is optional', (t) => {
  const objects = new TestObjects();
  objects.set('ConfigMap', 'c', { data: { good: '1', '1bad': '2', 'dot.ted': '3' } });
  objects.set('Secret', 's', { data: { pass: Buffer.from('päss').toString('base64') } });
  t.deepEqual(environmentOf({ envFrom: [{ prefix: 'P_', configMapRef: { name: 'c' } }, { secretRef: { name: 's' } }] }, objects), {
    P_good: '1', P_1bad: '2', 'P_dot.ted': '3', pass: 'päss',
  });
  t.deepEqual(environmentOf({ envFrom: [{ configMapRef: { name: 'c' } }], env: [{ name: 'good', value: 'own' }] }, objects), { good: 'own', 'dot.ted': '3' });
  const key = (name: string, wanted: string, optional?: boolean): (() => unknown) => () =>
    environmentOf({ env: [{ name: 'X', valueFrom: { configMapKeyRef: { name, key: wanted, ...(optional === undefined ? {} : { optional }) } } }] }, objects);
  t.throws(key('none', 'k'), { instanceOf: RuntimeFailure, message: 'configmap "none" not found' });
  t.throws(key('c', 'k'), { instanceOf: RuntimeFailure, message: "couldn't find key k in ConfigMap default/c" });
  t.deepEqual(key('c', 'k', true)(), {});
  t.deepEqual(key('none', 'k', true)(), {});
});
