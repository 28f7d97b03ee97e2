import test from 'ava';
import { podKind } from '../../../../proto/kinds.ts';
import { checkCreation, type Loose, pod, type Row } from './rules.ts';

const volume = (source: object) => (object: Loose): void => void (object.spec.volumes = [{ name: 'data', ...source }]);
const v = 'spec.volumes[0]';

const sources: Row[] = [
  ['every supported source', (p) => void (p.spec.volumes = [
    { name: 'a', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    { name: 'b', hostPath: { path: '/var', type: 'Directory' } },
    { name: 'c', configMap: { name: 'x', items: [{ key: 'k', path: 'a/b', mode: 0o400 }] } },
    { name: 'd', secret: { secretName: 'x' } },
    { name: 'e', downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }, { path: 'c', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu' } }] } },
    { name: 'f', projected: { sources: [{ configMap: { name: 'x' } }, { serviceAccountToken: { path: 'token' } }] } },
    { name: 'g' },
  ])],
  ['no name', (p) => void (p.spec.volumes = [{ emptyDir: {} }]), `${v}.name Required`],
  ['a bad name', volume({ name: 'a.b', emptyDir: {} }), `${v}.name Invalid`],
  ['a name twice', (p) => void (p.spec.volumes = [{ name: 'a' }, { name: 'a' }]), 'spec.volumes[1].name Duplicate'],
  ['two sources', volume({ emptyDir: {}, hostPath: { path: '/a' } }), `${v}.hostPath Forbidden`],
  ['a bad size', volume({ emptyDir: { sizeLimit: '-1' } }), `${v}.emptyDir.sizeLimit Forbidden`],
  ['no host path', volume({ hostPath: {} }), `${v}.hostPath.path Required`],
  ['a host path upwards', volume({ hostPath: { path: '/a/../b', type: 'Dir' } }), `${v}.hostPath.path Invalid`, `${v}.hostPath.type NotSupported`],
  ['nameless references', (p) => void (p.spec.volumes = [{ name: 'a', configMap: {} }, { name: 'b', secret: {} }, { name: 'c', persistentVolumeClaim: {} }, { name: 'd', csi: {} }]), `${v}.configMap.name Required`, 'spec.volumes[1].secret.secretName Required', 'spec.volumes[2].persistentVolumeClaim.claimName Required', 'spec.volumes[3].csi.driver Required'],
  ['modes out of range', volume({ secret: { secretName: 'x', defaultMode: 0o1000, items: [{ key: 'k', path: 'p', mode: -1 }] } }), `${v}.secret.defaultMode Invalid`, `${v}.secret.items[0].mode Invalid`],
  ['bad items', volume({ configMap: { name: 'x', items: [{}, { key: 'a b', path: '/abs' }, { key: 'k', path: '../up' }, { key: 'k', path: '..x' }] } }), `${v}.configMap.items[0].key Required`, `${v}.configMap.items[0].path Required`, `${v}.configMap.items[1].key Invalid`, `${v}.configMap.items[1].path Invalid`, `${v}.configMap.items[2].path Invalid`, `${v}.configMap.items[3].path Invalid`],
  ['bad downward items', volume({ downwardAPI: { items: [{ path: 'a' }, { path: 'b', fieldRef: { fieldPath: 'spec.nodeName' } }, { path: 'c', resourceFieldRef: { resource: 'limits.cpu' } }, { path: 'd', fieldRef: { fieldPath: 'metadata.name' }, resourceFieldRef: { resource: 'limits.cpu' } }] } }), `${v}.downwardAPI.items[0] Required`, `${v}.downwardAPI.items[1].fieldRef.fieldPath NotSupported`, `${v}.downwardAPI.items[2].resourceFieldRef.containerName Required`, `${v}.downwardAPI.items[3] Invalid`],
  ['bad projections', volume({ projected: { sources: [{}, { configMap: { name: 'a' }, secret: { name: 'b' } }, { secret: {} }, { serviceAccountToken: { path: '', expirationSeconds: 1 } }] } }), ...['[0] Required', '[1].secret Forbidden', '[2].secret.name Required', '[3].serviceAccountToken.path Required', '[3].serviceAccountToken.expirationSeconds Invalid'].map((error) => `${v}.projected.sources${error}`)],
  ['one file projected twice', volume({ projected: { sources: ['a', 'b'].map((name) => ({ configMap: { name, items: [{ key: 'k', path: 'same' }] } })) } }), `${v}.projected.sources Invalid`],
  ['a network volume', volume({ nfs: { path: 'relative' } }), `${v}.nfs.path Invalid`, `${v}.nfs.server Required`],
  ['a network volume without a path', volume({ nfs: { server: 'a' } }), `${v}.nfs.path Required`],
];

const mount = (...mounts: object[]) => (object: Loose): void => void (object.spec.containers[0].volumeMounts = mounts);
const m = 'spec.containers[0].volumeMounts';

const mounts: Row[] = [
  ['mounts', mount({ name: 'data', mountPath: '/a', subPath: 'x/y' }, { name: 'data', mountPath: '/b', subPathExpr: '$(A)' }, { name: 'data', mountPath: '/c', readOnly: true, recursiveReadOnly: 'Enabled' })],
  ['a volume that is not there', mount({ name: 'gone', mountPath: '/a' }), `${m}[0].name NotFound`],
  ['no name and no path', mount({}), `${m}[0].mountPath Required`, `${m}[0].name Required`],
  ['one place twice', mount({ name: 'data', mountPath: '/a' }, { name: 'data', mountPath: '/a' }), `${m}[1].mountPath Invalid`],
  ['sub-paths out of the volume', mount({ name: 'data', mountPath: '/a', subPath: '../x' }, { name: 'data', mountPath: '/b', subPathExpr: '/x' }), `${m}[0].subPath Invalid`, `${m}[1].subPathExpr Invalid`],
  ['both sub-paths', mount({ name: 'data', mountPath: '/a', subPath: 'x', subPathExpr: 'y' }), `${m}[0].subPathExpr Invalid`],
  ['propagation to the host without privilege', mount({ name: 'data', mountPath: '/a', mountPropagation: 'Bidirectional' }), `${m}[0].mountPropagation Forbidden`],
  ['propagation to the host with privilege', (p) => void Object.assign(p.spec.containers[0], { securityContext: { privileged: true }, volumeMounts: [{ name: 'data', mountPath: '/a', mountPropagation: 'Bidirectional' }] })],
  ['unknown propagation', mount({ name: 'data', mountPath: '/a', mountPropagation: 'x', recursiveReadOnly: 'y', readOnly: true }), `${m}[0].mountPropagation NotSupported`, `${m}[0].recursiveReadOnly NotSupported`],
  ['recursively read-only but writable', mount({ name: 'data', mountPath: '/a', recursiveReadOnly: 'Enabled' }), `${m}[0].recursiveReadOnly Forbidden`],
];

test('volumes have one source, with what it needs', (t) => checkCreation(t, podKind, pod(), sources));
test('mounts name a volume and a place of their own', (t) => checkCreation(t, podKind, pod(), mounts));
