import test from 'ava';
import { podKind } from '../../../../proto/kinds.ts';
import { checkUpdate, type Loose, pod, type Row } from './rules.ts';

const valid: Loose = pod();
Object.assign(valid.spec, {
  initContainers: [{ name: 'init', image: 'x' }],
  activeDeadlineSeconds: 100,
  tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }],
});

const rows: Row[] = [
  ['nothing', () => undefined],
  ['images', (p) => void ((p.spec.containers[0].image = 'y'), (p.spec.initContainers[0].image = 'z'))],
  ['metadata', (p) => void (p.metadata.labels = { a: 'b' })],
  ['an earlier deadline', (p) => void (p.spec.activeDeadlineSeconds = 50)],
  ['a later deadline', (p) => void (p.spec.activeDeadlineSeconds = 150), 'spec.activeDeadlineSeconds Invalid'],
  ['no deadline', (p) => void delete p.spec.activeDeadlineSeconds, 'spec.activeDeadlineSeconds Invalid'],
  ['one more toleration, other seconds', (p) => void ((p.spec.tolerations[0].tolerationSeconds = 9), p.spec.tolerations.push({ operator: 'Exists' }))],
  ['one toleration less', (p) => void (p.spec.tolerations = []), 'spec.tolerations Forbidden'],
  ['another command', (p) => void (p.spec.containers[0].command = ['x']), 'spec Forbidden'],
  ['another name', (p) => void (p.spec.containers[0].name = 'x'), 'spec Forbidden'],
  ['another node', (p) => void (p.spec.nodeName = 'n'), 'spec Forbidden'],
  ['another grace period', (p) => void (p.spec.terminationGracePeriodSeconds = 1), 'spec Forbidden'],
  ['another volume', (p) => void (p.spec.volumes[0] = { name: 'data', hostPath: { path: '/a', type: '' } }), 'spec Forbidden'],
  ['one more container', (p) => void p.spec.containers.push({ name: 'b', image: 'x' }), 'spec.containers Forbidden'],
  ['no init container', (p) => void delete p.spec.initContainers, 'spec.initContainers Forbidden'],
  ['a new gate', (p) => void (p.spec.schedulingGates = [{ name: 'a' }]), 'spec.schedulingGates Forbidden'],
  ['a broken image', (p) => void (p.spec.containers[0].image = ''), 'spec.containers[0].image Required'],
];

test('of an existing pod little may change', (t) => checkUpdate(t, podKind, valid, rows));

test('a gated pod may be narrowed and let go', (t) => {
  const gated: Loose = pod();
  Object.assign(gated.spec, { schedulingGates: [{ name: 'a' }], nodeSelector: { disk: 'ssd' } });
  checkUpdate(t, podKind, gated, [
    ['let go', (p) => void (p.spec.schedulingGates = [])],
    ['narrowed', (p) => void (p.spec.nodeSelector.zone = 'b')],
    ['widened', (p) => void delete p.spec.nodeSelector.disk, 'spec Forbidden'],
  ]);
});
