import test from 'ava';
import { RuntimeFailure } from '../../../../agent/runtime/runtime.ts';
import { isInMemory, volumeContent, volumeObjects } from '../../../../agent/volumes/content.ts';
import { parseMountPoints } from '../../../../agent/volumes/mounts.ts';
import type { Pod, Volume } from '../../../../proto/resources/kubernetes.ts';
import { TestObjects } from '../../../fixtures/containerd-objects.ts';

const objects = new TestObjects();
objects.set('ConfigMap', 'c', { data: { a: '1', b: '2' }, binaryData: { bin: 'AAE=' } });
objects.set('Secret', 's', { data: { k: 'eA==' } });
const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', labels: { l: 'v' } }, spec: { containers: [{ name: 'main', resources: { limits: { cpu: '2' } } }] } };
const node = { nodeName: 'n', hostIp: '192.0.2.1', allocatable: { cpuMilli: 1, memoryBytes: 1, ephemeralStorageBytes: 1 } };
const files = (fields: Partial<Volume>): Record<string, [string, number]> => {
  const content = volumeContent({ name: 'v', ...fields }, { pod, node, objects });
  return Object.fromEntries([...(content ?? [])].map(([path, { data, mode }]) => [path, [data.toString('latin1'), mode]]));
};

test('all keys are files, or those that items name', (t) => {
  t.deepEqual(files({ configMap: { name: 'c' } }), { a: ['1', 0o644], b: ['2', 0o644], bin: ['\0\x01', 0o644] });
  t.deepEqual(files({ configMap: { name: 'c', defaultMode: 0o400, items: [{ key: 'a', path: 'x/y', mode: 0o777 }, { key: 'b', path: 'z' }] } }), { 'x/y': ['1', 0o777], z: ['2', 0o400] });
  t.deepEqual(files({ secret: { secretName: 's' } }), { k: ['x', 0o644] });
});

test('what is missing fails unless it is optional', (t) => {
  t.throws(() => files({ configMap: { name: 'none' } }), { instanceOf: RuntimeFailure, message: 'MountVolume.SetUp failed for volume "v" : configmap "none" not found' });
  t.throws(() => files({ configMap: { name: 'c', items: [{ key: 'none', path: 'x' }] } }), { instanceOf: RuntimeFailure, message: /references non-existent configmap key: none/ });
  t.throws(() => files({ configMap: { name: 'c', items: [{ key: 'a', path: '../x' }] } }), { instanceOf: RuntimeFailure, message: /invalid path/ });
  t.deepEqual(files({ secret: { secretName: 'none', optional: true, items: [{ key: 'a', path: 'b' }] } }), {});
});

test('a projection joins its sources', (t) => {
  const downwardAPI = { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }, { path: 'cpu', mode: 0o600, resourceFieldRef: { containerName: 'main', resource: 'limits.cpu' } }] };
  t.deepEqual(files({ projected: { defaultMode: 0o440, sources: [{ secret: { name: 's' } }, { downwardAPI }] } }), { k: ['x', 0o440], labels: ['l="v"', 0o440], cpu: ['2', 0o600] });
});

test('the objects of a volume are known, and whether it must stay in memory', (t) => {
  const projected: Volume = { name: 'v', projected: { sources: [{ configMap: { name: 'c' } }, { secret: { name: 's' } }] } };
  t.deepEqual(volumeObjects(projected, 'ns'), ['ConfigMap/ns/c', 'Secret/ns/s']);
  t.deepEqual(volumeObjects({ name: 'v', secret: { secretName: 's' } }, 'ns'), ['Secret/ns/s']);
  t.true(isInMemory(projected));
  t.false(isInMemory({ name: 'v', configMap: { name: 'c' } }));
});

test('mount points with spaces are read as they are', (t) => {
  t.deepEqual(parseMountPoints('1 0 0:1 / /a\\040b rw - tmpfs tmpfs rw\n2 0 0:1 / /c rw - tmpfs tmpfs rw'), ['/a b', '/c']);
});
