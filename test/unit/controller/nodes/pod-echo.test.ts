import test from 'ava';
import { isEcho } from '../../../../controller/nodes/pod-echo.ts';
import type { Pod } from '../../../../proto/resources/kubernetes.ts';

const pod = (change: (pod: Pod) => void = () => undefined): Pod => {
  const made: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default', uid: 'u', resourceVersion: '1', labels: { app: 'p' } },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
    status: { phase: 'Pending', conditions: [{ type: 'Ready', status: 'False' }, { type: 'PodScheduled', status: 'True' }] },
  };
  change(made);
  return made;
};

test('what the agent reported itself is an echo', (t) => {
  const after = pod((changed) => {
    changed.metadata.resourceVersion = '2';
    changed.metadata.managedFields = [{ manager: 'berth-agent' }];
    changed.status = { phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'PodScheduled', status: 'True' }, { type: 'Ready', status: 'True' }] };
  });
  t.true(isEcho(pod(), after));
});

const heard: readonly [string, (pod: Pod) => void][] = [
  ['an image', (changed) => { if (changed.spec) changed.spec.containers = [{ name: 'c', image: 'other' }]; }],
  ['a label', (changed) => { changed.metadata.labels = { app: 'q' }; }],
  ['the beginning of its deletion', (changed) => { changed.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'; }],
  ['a shorter grace', (changed) => { changed.metadata.deletionGracePeriodSeconds = 1; }],
  ['a condition of somebody else', (changed) => { changed.status?.conditions?.push({ type: 'example.com/gate', status: 'True' }); }],
  ['an end that somebody else decided', (changed) => { if (changed.status) changed.status.phase = 'Failed'; }],
];

for (const [what, change] of heard) {
  test(`a node hears of ${what}`, (t) => {
    t.false(isEcho(pod(), pod(change)));
  });
}
