import test from 'ava';
import { createMemory } from '../../../../agent/pods/memory.ts';
import { isDone, type Phase, phaseOf } from '../../../../agent/pods/phase.ts';
import { viewPod } from '../../../../agent/pods/view.ts';
import type { ObservedContainer, ObservedPod } from '../../../../agent/runtime/runtime.ts';
import type { PodStatus } from '../../../../proto/resources/kubernetes.ts';
import { makeContainer, makePod } from '../../../fixtures/pod-lab.ts';

/** `app` runs, `app!0` exited with 0. */
const parse = (text: string): ObservedContainer => {
  const [name = '', code] = text.split('!');
  return {
    id: `id-${name}`, name, sandboxId: 'sandbox', attempt: 0, state: code === undefined ? 'running' : 'exited', settled: true, createdAtMs: 1, startedAtMs: 1,
    finishedAtMs: code === undefined ? 0 : 2, exitCode: Number(code ?? 0), reason: '', message: '', image: `localhost:5000/${name}:1`, imageId: '',
  };
};

const observed = (text: string): ObservedPod => ({
  uid: 'uid-1',
  namespace: 'default',
  name: 'web',
  sandboxes: [{ id: 'sandbox', attempt: 0, ready: true, createdAtMs: 0, ips: ['10.0.0.1'] }],
  containers: text.split(' ').filter(Boolean).map(parse),
});

const cases: readonly (readonly [policy: string, containers: string, phase: Phase])[] = [
  ['Always', '', 'Pending'],
  ['Always', 'app', 'Pending'],
  ['Always', 'app aid', 'Running'],
  ['Always', 'app!1 aid!1', 'Running'],
  ['Always', 'app!0 aid!0', 'Running'],
  ['OnFailure', 'app!0 aid', 'Running'],
  ['OnFailure', 'app!0 aid!1', 'Running'],
  ['OnFailure', 'app!0 aid!0', 'Succeeded'],
  ['Never', 'app!0 aid!0', 'Succeeded'],
  ['Never', 'app!0 aid!1', 'Failed'],
  ['Never', 'app!0 aid', 'Running'],
];

for (const [restartPolicy, containers, phase] of cases) {
  test(`a pod that restarts ${restartPolicy} with "${containers}" is ${phase}`, (t) => {
    const pod = makePod({ restartPolicy, containers: [makeContainer('app'), makeContainer('aid')] });
    t.is(phaseOf(viewPod(pod, {}, observed(containers)), createMemory()), phase);
  });
}

test('an init container that fails for good fails its pod', (t) => {
  const pod = makePod({ restartPolicy: 'Never', initContainers: [makeContainer('init')] });
  t.is(phaseOf(viewPod(pod, {}, observed('init!1')), createMemory()), 'Failed');
  t.is(phaseOf(viewPod(makePod({ initContainers: [makeContainer('init')] }), {}, observed('init!1')), createMemory()), 'Pending');
});

test('a final phase is never taken back', (t) => {
  t.is(phaseOf(viewPod(makePod(), { phase: 'Failed' }, observed('app')), createMemory()), 'Failed');
});

test('a run that the runtime lost counts as ended, and one that ended well stays so', (t) => {
  const status: PodStatus = {
    containerStatuses: [{ name: 'app', ready: false, restartCount: 2, image: 'x', imageID: '', state: { terminated: { exitCode: 0 } } }],
  };
  const view = viewPod(makePod({ restartPolicy: 'Never' }), status, undefined);
  t.is(view.mains[0]?.latest?.attempt, 2);
  t.true(isDone(view));
  t.is(phaseOf(view, createMemory()), 'Succeeded');
  const running = { containerStatuses: status.containerStatuses?.map((item) => ({ ...item, state: { running: {} } })) ?? [] };
  t.is(viewPod(makePod(), running, undefined).mains[0]?.latest?.exitCode, 137);
});
