import test from 'ava';
import { planDrain } from '../../../cli/drain-plan.ts';
import type { Pod } from '../../../proto/resources/kubernetes.ts';

const strict = { ignoreDaemonsets: false, deleteEmptydirData: false, force: false };
const all = { ignoreDaemonsets: true, deleteEmptydirData: true, force: true };

const pod = (name: string, { owner = 'ReplicaSet', phase = 'Running', isLocal = false, isMirror = false }: { owner?: string; phase?: string; isLocal?: boolean; isMirror?: boolean } = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name, namespace: 'default', uid: name,
    ...(owner ? { ownerReferences: [{ apiVersion: 'apps/v1', kind: owner, name: 'x', uid: 'x', controller: true }] } : {}),
    ...(isMirror ? { annotations: { 'kubernetes.io/config.mirror': 'x' } } : {}),
  },
  spec: { containers: [], ...(isLocal ? { volumes: [{ name: 'data', emptyDir: {} }] } : {}) },
  status: { phase: phase as never },
});

const names = (pods: readonly Pod[]): (string | undefined)[] => pods.map(({ metadata }) => metadata.name);

test('pods of a controller go, and nobody is warned', (t) => {
  const plan = planDrain([pod('a'), pod('b')], strict);
  t.deepEqual(names(plan.evicted), ['a', 'b']);
  t.deepEqual([plan.refusals, plan.warnings], [[], []]);
});

test('what would be lost, or would come back, is refused with the flag that allows it, all at once', (t) => {
  const { refusals } = planDrain([pod('daemon', { owner: 'DaemonSet' }), pod('local', { isLocal: true }), pod('alone', { owner: '' }), pod('other', { owner: '' })], strict);
  t.is(refusals.length, 3);
  t.regex(refusals[0] ?? '', /--ignore-daemonsets.*: default\/daemon$/);
  t.regex(refusals[1] ?? '', /--delete-emptydir-data.*: default\/local$/);
  t.regex(refusals[2] ?? '', /--force.*: default\/alone, default\/other$/);
});

test('with the flags all go but the pods of a DaemonSet, and a person is told', (t) => {
  const plan = planDrain([pod('daemon', { owner: 'DaemonSet', isLocal: true }), pod('local', { isLocal: true }), pod('alone', { owner: '' })], all);
  t.deepEqual(names(plan.evicted), ['local', 'alone']);
  t.deepEqual(plan.refusals, []);
  t.is(plan.warnings.length, 3);
});

test('what has finished goes in any case, and mirror pods stay', (t) => {
  const finished = [pod('done', { owner: '', phase: 'Succeeded', isLocal: true }), pod('failed', { owner: 'DaemonSet', phase: 'Failed' })];
  const plan = planDrain([...finished, pod('mirror', { owner: '', isMirror: true })], strict);
  t.deepEqual(names(plan.evicted), ['done', 'failed']);
  t.deepEqual(plan.refusals, []);
});
