import test from 'ava';
import type { Pod, PodCondition, PodStatus } from '../../../../proto/resources/kubernetes.ts';
import {
  conditionOf, isPodAvailable, isPodReady, isSidecar, isTerminal, podStatusText, readyCounts, restartCounts, setCondition,
} from '../../../../proto/resources/pod.ts';
import { qosClass } from '../../../../proto/resources/qos.ts';
import { pod } from './rules.ts';

const ready = (since: string): PodStatus => ({ conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: since }] });

test('a pod is available once it has been ready for long enough', (t) => {
  const web: Pod = { ...pod(), status: ready('2026-01-01T00:00:00Z') };
  const since = Date.parse('2026-01-01T00:00:00Z');
  t.true(isPodReady(web));
  t.true(isPodAvailable(web, 0, since));
  t.false(isPodAvailable(web, 10, since + 9_999));
  t.true(isPodAvailable(web, 10, since + 10_000));
  t.false(isPodAvailable(pod(), 0, since));
  t.false(isTerminal(web));
  t.true(isTerminal({ ...web, status: { phase: 'Failed' } }));
});

test('a condition keeps its transition time while its status stays', (t) => {
  const first = setCondition<PodCondition>([], { type: 'Ready', status: 'True', reason: 'A' }, 0);
  const second = setCondition(first, { type: 'Ready', status: 'True', reason: 'B' }, 60_000);
  const third = setCondition(second, { type: 'Ready', status: 'False' }, 120_000);
  t.deepEqual(second, [{ type: 'Ready', status: 'True', reason: 'B', lastTransitionTime: '1970-01-01T00:00:00Z' }]);
  t.is(conditionOf({ conditions: third }, 'Ready')?.lastTransitionTime, '1970-01-01T00:02:00Z');
  t.is(first[0]?.reason, 'A');
});

test('the quality of service follows from cpu and memory', (t) => {
  const withResources = (...all: object[]): Pod => ({ ...pod(), spec: { containers: all.map((resources, at) => ({ name: `c${at}`, resources })) } });
  const full = { limits: { cpu: '1', memory: '1Gi' } };
  t.is(qosClass(withResources({})), 'BestEffort');
  t.is(qosClass(withResources(full)), 'Guaranteed');
  t.is(qosClass(withResources({ ...full, requests: { cpu: '1000m', memory: '1024Mi' } })), 'Guaranteed');
  t.is(qosClass(withResources({ ...full, requests: { cpu: '500m' } })), 'Burstable');
  t.is(qosClass(withResources(full, {})), 'Burstable');
  t.is(qosClass(withResources({ limits: { cpu: '0' } })), 'BestEffort');
  t.is(qosClass(withResources({ requests: { 'example.com/gpu': '1' } })), 'BestEffort');
});

const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };
const status = (name: string, state: object, rest: object = {}) => ({ name, image: '', imageID: '', ready: false, restartCount: 0, state, ...rest });

const texts: [string, PodStatus, Partial<Pod['metadata']>, string][] = [
  ['the phase', { phase: 'Pending' }, {}, 'Pending'],
  ['the reason of the pod', { phase: 'Failed', reason: 'Evicted' }, {}, 'Evicted'],
  ['gates', { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }, {}, 'SchedulingGated'],
  ['init progress', { phase: 'Pending', initContainerStatuses: [status('init', { terminated: { exitCode: 0 } }), status('side', running)] }, {}, 'Init:1/2'],
  ['an init failure', { phase: 'Pending', initContainerStatuses: [status('init', { terminated: { exitCode: 3 } })] }, {}, 'Init:ExitCode:3'],
  ['an init signal', { phase: 'Pending', initContainerStatuses: [status('init', { terminated: { exitCode: 137, signal: 9 } })] }, {}, 'Init:Signal:9'],
  ['an init waiting', { phase: 'Pending', initContainerStatuses: [status('init', { waiting: { reason: 'CrashLoopBackOff' } })] }, {}, 'Init:CrashLoopBackOff'],
  ['a started sidecar', { phase: 'Running', initContainerStatuses: [status('init', { terminated: { exitCode: 0 } }), status('side', running, { started: true })], containerStatuses: [status('main', running)] }, {}, 'Running'],
  ['waiting', { phase: 'Pending', containerStatuses: [status('main', { waiting: { reason: 'ImagePullBackOff' } })] }, {}, 'ImagePullBackOff'],
  ['an exit code', { phase: 'Failed', containerStatuses: [status('main', { terminated: { exitCode: 2 } })] }, {}, 'ExitCode:2'],
  ['one completed, one running and ready', { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [status('a', { terminated: { exitCode: 0, reason: 'Completed' } }), status('b', running, { ready: true })] }, {}, 'Running'],
  ['one completed, one running', { phase: 'Running', containerStatuses: [status('a', { terminated: { exitCode: 0, reason: 'Completed' } }), status('b', running, { ready: true })] }, {}, 'NotReady'],
  ['deletion', { phase: 'Running' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }, 'Terminating'],
  ['deletion of what has ended', { phase: 'Succeeded' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }, 'Succeeded'],
  ['a lost node', { phase: 'Running', reason: 'NodeLost' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }, 'Unknown'],
];

for (const [title, podStatus, metadata, expected] of texts) {
  test(`the STATUS column shows ${title}`, (t) => {
    const initContainers = [{ name: 'init' }, { name: 'side', restartPolicy: 'Always' }];
    t.is(podStatusText({ ...pod(), metadata: { ...pod().metadata, ...metadata }, spec: { containers: [{ name: 'main' }], initContainers }, status: podStatus }), expected);
  });
}

test('sidecars count as containers, for readiness and for restarts', (t) => {
  const web: Pod = {
    ...pod(),
    spec: { containers: [{ name: 'main' }], initContainers: [{ name: 'init' }, { name: 'side', restartPolicy: 'Always' }] },
    status: {
      conditions: [{ type: 'Initialized', status: 'True' }],
      initContainerStatuses: [status('init', { terminated: { exitCode: 0 } }, { restartCount: 5 }), status('side', running, { ready: true, restartCount: 1 })],
      containerStatuses: [status('main', running, { restartCount: 2, lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:00:00Z' } } })],
    },
  };
  t.true(isSidecar({ name: 'side', restartPolicy: 'Always' }));
  t.deepEqual(readyCounts(web), { ready: 1, total: 2 });
  t.deepEqual(restartCounts(web), { restarts: 3, lastRestartMs: Date.parse('2026-01-01T00:00:00Z') });
});
