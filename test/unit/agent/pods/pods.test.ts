import test from 'ava';
import { RuntimeFailure } from '../../../../agent/runtime/runtime.ts';
import { deleted, makeContainer, makePod, PodLab } from '../../../fixtures/pod-lab.ts';

test('a pod becomes ready', async (t) => {
  const lab = new PodLab();
  await lab.start(makePod());
  t.true(lab.ready());
  const status = lab.status();
  t.is(status?.phase, 'Running');
  t.is(status?.podIP, '10.0.0.1');
  t.is(status?.qosClass, 'BestEffort');
  t.is(status?.containerStatuses?.[0]?.containerID, 'containerd://container-2');
  t.deepEqual(lab.events.map((event) => event.reason), ['Pulled', 'Created', 'Started']);
});

test('the first restart comes at once, then 10 s, 20 s and 40 s later', async (t) => {
  const lab = new PodLab();
  await lab.start(makePod());
  const crash = async (): Promise<void> => {
    lab.runtime.exit(lab.runtime.running('app')?.id ?? '', 1);
    await lab.clock.advance(0);
  };
  await crash();
  t.is(lab.runtime.running('app')?.attempt, 1);
  for (const [attempt, delayMs] of [[2, 10_000], [3, 20_000], [4, 40_000]] as const) {
    await crash();
    t.is(lab.runtime.running('app'), undefined);
    t.is(lab.status()?.containerStatuses?.[0]?.state?.waiting?.reason, 'CrashLoopBackOff');
    t.is(lab.status()?.containerStatuses?.[0]?.state?.waiting?.message, `back-off ${delayMs / 1000}s restarting failed container=app pod=web_default(uid-1)`);
    await lab.clock.advance(delayMs - 1);
    t.is(lab.runtime.running('app'), undefined);
    await lab.clock.advance(1);
    t.is(lab.runtime.running('app')?.attempt, attempt);
  }
  t.is(lab.runtime.containers.size, 2);
  t.is(lab.words('BackOff').length, 3);
});

test('a container whose start is done while the pod is looked at is not taken for one that was left unstarted', async (t) => {
  const lab = new PodLab();
  const looked = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  lab.runtime.hook = async (operation) => {
    if (operation === 'start') {
      lab.runtime.emit('uid-1', 'exit');
      await looked.promise;
    }
    if (operation === 'after start') {
      lab.runtime.hook = () => undefined;
      started.resolve();
    }
    if (operation !== 'after observePod' || ![...lab.runtime.containers.values()].some(({ state }) => state === 'created')) return;
    looked.resolve();
    await started.promise;
    // The step's worker hears of it before the answer comes.
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  await lab.start(makePod());
  t.deepEqual(lab.runtime.violations, []);
  t.is(lab.runtime.running('app')?.attempt, 0);
  t.true(lab.ready());
});

test('a picture from before the runtime went away is not planned from, whatever else happens', async (t) => {
  const lab = new PodLab();
  const looked = Promise.withResolvers<void>();
  let away = false;
  lab.runtime.hook = async (operation) => {
    if (operation === 'observePod' && away) throw new Error('containerd is away');
    if (operation === 'start') {
      lab.runtime.emit('uid-1', 'exit');
      await looked.promise;
    }
    if (operation === 'after start') away = true;
    if (operation === 'after observePod' && [...lab.runtime.containers.values()].some(({ state }) => state === 'created')) looked.resolve();
  };
  const pod = makePod();
  await lab.start(pod);
  lab.pods.upsert({ ...pod, metadata: { ...pod.metadata, labels: { changed: 'yes' } } });
  await lab.clock.advance(0);
  t.deepEqual(lab.runtime.violations, []);
  away = false;
  // Before the relist: the look that failed is made up for.
  await lab.clock.advance(10_000);
  t.is(lab.runtime.running('app')?.attempt, 0);
  t.true(lab.ready());
});

test('an agent that is started again disturbs nothing and says nothing', async (t) => {
  const lab = new PodLab();
  const pod = makePod({ containers: [makeContainer('app', { readinessProbe: { exec: { command: ['true'] } } })] });
  await lab.start(pod);
  t.true(lab.ready());
  const calls = lab.runtime.calls.length;
  const reports = lab.reports.length;
  await lab.restart([pod]);
  await lab.clock.advance(60_000);
  t.is(lab.runtime.calls.length, calls);
  t.is(lab.reports.length, reports);
});

test('what others wrote about a pod while no session was there is put right', async (t) => {
  const lab = new PodLab();
  const pod = makePod();
  await lab.start(pod);
  const reported = lab.status();
  const count = lab.reports.length;
  lab.pods.replace([{ ...pod, status: reported ?? {} }]);
  await lab.clock.advance(0);
  t.is(lab.reports.length, count);
  const conditions = reported?.conditions?.map((condition) => (condition.type === 'Ready' ? { ...condition, status: 'False' } : condition)) ?? [];
  lab.pods.replace([{ ...pod, status: { ...reported, conditions } }]);
  await lab.clock.advance(0);
  t.is(lab.reports.length, count + 1);
  t.true(lab.ready());
});

test('a deleted pod is stopped within its grace, removed and reported gone', async (t) => {
  const lab = new PodLab();
  lab.runtime.stopMs = () => 5_000;
  const pod = makePod();
  await lab.start(pod);
  lab.pods.upsert(deleted(pod, 30));
  await lab.clock.advance(4_999);
  t.false(lab.isGone);
  await lab.clock.advance(1);
  t.true(lab.isGone);
  t.is(lab.runtime.sandboxes.size + lab.runtime.containers.size + lab.runtime.disk.size, 0);
  t.is(lab.status()?.containerStatuses?.[0]?.state?.terminated?.exitCode, 143);
  t.deepEqual(lab.words('Killing'), ['Stopping container app']);
});

test('a shorter grace that comes later is honoured', async (t) => {
  const lab = new PodLab();
  lab.runtime.stopMs = () => 60_000;
  const pod = makePod();
  await lab.start(pod);
  lab.pods.upsert(deleted(pod, 30));
  await lab.clock.advance(1_000);
  lab.pods.upsert(deleted(pod, 2));
  await lab.clock.advance(2_000);
  t.true(lab.isGone);
});

test('a pod whose object is gone is killed at once and without a word', async (t) => {
  const lab = new PodLab();
  lab.runtime.stopMs = () => 60_000;
  const pod = makePod();
  await lab.start(pod);
  const reports = lab.reports.length;
  lab.pods.remove('uid-1');
  await lab.clock.advance(0);
  t.is(lab.runtime.containers.size, 0);
  t.is(lab.reports.length, reports);
  t.deepEqual(lab.forgotten, ['uid-1']);
});

test('what the complete list does not name is stopped and cleaned', async (t) => {
  const lab = new PodLab();
  await lab.start(makePod());
  await lab.restart([]);
  await lab.clock.advance(0);
  t.is(lab.runtime.containers.size + lab.runtime.sandboxes.size + lab.runtime.disk.size, 0);
});

test('nothing is touched before the first complete list', async (t) => {
  const lab = new PodLab();
  await lab.start(makePod());
  lab.pods.close();
  const next = new PodLab();
  t.is(next.runtime.calls.length, 0);
  await lab.clock.advance(120_000);
  t.truthy(lab.runtime.running('app'));
});

test('a pod that is deleted during its image pull goes at once', async (t) => {
  const lab = new PodLab();
  lab.runtime.hook = (operation) => (operation === 'pull' ? new Promise((_resolve, reject) => void lab.clock.after(100, () => reject(new Error('aborted')))) : undefined);
  const pod = makePod();
  await lab.start(pod);
  lab.pods.upsert(deleted(pod, 30));
  await lab.clock.advance(200);
  t.true(lab.isGone);
});

test('an image that cannot be pulled backs off', async (t) => {
  const lab = new PodLab();
  lab.runtime.hook = (operation) => {
    if (operation === 'pull') throw new RuntimeFailure('ErrImagePull', 'not found');
  };
  await lab.start(makePod());
  const waiting = () => lab.status()?.containerStatuses?.[0]?.state?.waiting;
  t.deepEqual(waiting(), { reason: 'ErrImagePull', message: 'not found' });
  await lab.clock.advance(1_000);
  t.deepEqual(waiting(), { reason: 'ImagePullBackOff', message: 'Back-off pulling image "localhost:5000/app:1": ErrImagePull: not found' });
  t.is(lab.status()?.phase, 'Pending');
  t.deepEqual(lab.words('Failed'), ['Failed to pull image "localhost:5000/app:1": not found', 'Error: ErrImagePull', 'Error: ImagePullBackOff']);
  lab.runtime.hook = () => undefined;
  await lab.clock.advance(9_000);
  t.true(lab.ready());
});

test('what waits for an object is tried when the object comes, and for no other', async (t) => {
  const lab = new PodLab();
  lab.runtime.hook = (operation) => {
    if (operation === 'volumes') throw new RuntimeFailure('FailedMount', 'configmap "settings" not found');
  };
  await lab.start(makePod({ volumes: [{ name: 'settings', configMap: { name: 'settings' } }] }));
  await lab.clock.advance(20_000);
  lab.runtime.hook = () => undefined;
  lab.pods.objectChanged('ConfigMap', 'default', 'other');
  lab.pods.objectChanged('ConfigMap', 'elsewhere', 'settings');
  await lab.clock.advance(0);
  t.is(lab.runtime.running('app'), undefined);
  lab.pods.objectChanged('ConfigMap', 'default', 'settings');
  await lab.clock.advance(0);
  t.true(lab.ready());
});

test('a pull that was refused is tried when its secret comes, and not for a ConfigMap', async (t) => {
  const lab = new PodLab();
  lab.runtime.hook = (operation) => {
    if (operation === 'pull') throw new RuntimeFailure('ErrImagePull', 'unauthorized');
  };
  await lab.start(makePod({ imagePullSecrets: [{ name: 'registry' }], containers: [makeContainer('app', { envFrom: [{ configMapRef: { name: 'settings' } }] })] }));
  lab.runtime.hook = () => undefined;
  lab.pods.objectChanged('ConfigMap', 'default', 'settings');
  await lab.clock.advance(0);
  t.false(lab.ready());
  lab.pods.objectChanged('Secret', 'default', 'registry');
  await lab.clock.advance(0);
  t.true(lab.ready());
});

test('volumes are prepared again for a pod that was taken over, and when its labels change', async (t) => {
  const lab = new PodLab();
  let prepared = 0;
  lab.runtime.hook = (operation) => {
    if (operation === 'volumes') prepared += 1;
  };
  const pod = makePod({ volumes: [{ name: 'facts', downwardAPI: { items: [] } }] });
  await lab.start(pod);
  t.is(prepared, 1);
  lab.pods.upsert({ ...pod, metadata: { ...pod.metadata, labels: { tier: 'two' } } });
  await lab.clock.advance(0);
  t.is(prepared, 2);
  lab.pods.upsert({ ...pod, metadata: { ...pod.metadata, labels: { tier: 'two' }, resourceVersion: '7' } });
  await lab.clock.advance(0);
  t.is(prepared, 2);
  await lab.restart([pod]);
  await lab.clock.advance(0);
  t.is(prepared, 3);
});

test('init containers run in order, and a sidecar serves until after the main containers', async (t) => {
  const lab = new PodLab();
  const pod = makePod({
    initContainers: [makeContainer('one'), makeContainer('proxy', { restartPolicy: 'Always' }), makeContainer('two')],
  });
  await lab.start(pod);
  const started = () => lab.runtime.calls.filter((call) => call.startsWith('start ')).join(', ');
  t.is(started(), 'start one#0');
  t.is(lab.status()?.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing');
  lab.runtime.exit(lab.runtime.running('one')?.id ?? '', 0);
  await lab.clock.advance(0);
  t.is(started(), 'start one#0, start proxy#0, start two#0');
  lab.runtime.exit(lab.runtime.running('two')?.id ?? '', 0);
  await lab.clock.advance(0);
  t.is(started(), 'start one#0, start proxy#0, start two#0, start app#0');
  t.true(lab.ready());
  lab.runtime.stopMs = () => 1_000;
  lab.pods.upsert(deleted(pod, 30));
  await lab.clock.advance(2_000);
  t.true(lab.isGone);
  t.deepEqual(lab.runtime.calls.filter((call) => call.startsWith('stop ')), ['stop app#0 30s', 'stop proxy#0 29s']);
});

test('a pod that never restarts ends with its containers, and stays ended', async (t) => {
  const lab = new PodLab();
  const pod = makePod({ restartPolicy: 'Never', containers: [makeContainer('app'), makeContainer('aid')] });
  await lab.start(pod);
  lab.runtime.exit(lab.runtime.running('app')?.id ?? '', 0);
  await lab.clock.advance(0);
  t.is(lab.status()?.phase, 'Running');
  lab.runtime.exit(lab.runtime.running('aid')?.id ?? '', 3);
  await lab.clock.advance(0);
  t.is(lab.status()?.phase, 'Failed');
  lab.runtime.containers.clear();
  lab.runtime.sandboxes.clear();
  await lab.restart([pod]);
  await lab.clock.advance(60_000);
  t.is(lab.status()?.phase, 'Failed');
  t.is(lab.runtime.containers.size, 0);
});

test('a lost sandbox is made anew and its containers run again with a higher restart count', async (t) => {
  const lab = new PodLab();
  await lab.start(makePod());
  lab.runtime.loseSandbox('sandbox-1');
  await lab.clock.advance(0);
  t.true(lab.ready());
  t.is(lab.status()?.containerStatuses?.[0]?.restartCount, 1);
  t.is(lab.status()?.podIP, '10.0.0.3');
  t.deepEqual(lab.runtime.violations, []);
});

test('a pod past its deadline fails', async (t) => {
  const lab = new PodLab();
  await lab.start(makePod({ activeDeadlineSeconds: 60 }));
  await lab.clock.advance(59_000);
  t.is(lab.status()?.phase, 'Running');
  await lab.clock.advance(2_000);
  t.is(lab.status()?.phase, 'Failed');
  t.is(lab.status()?.reason, 'DeadlineExceeded');
});

test('a new image restarts its container at once', async (t) => {
  const lab = new PodLab();
  const pod = makePod();
  await lab.start(pod);
  lab.pods.upsert({ ...pod, spec: { ...pod.spec, containers: [makeContainer('app', { image: 'localhost:5000/app:2' })] } });
  await lab.clock.advance(0);
  t.is(lab.runtime.running('app')?.image, 'localhost:5000/app:2');
  t.is(lab.runtime.running('app')?.attempt, 1);
  t.deepEqual(lab.words('Killing'), ['Container app definition changed, will be restarted']);
});

test('a second pod that wants the same host port is rejected', async (t) => {
  const lab = new PodLab();
  const spec = { containers: [makeContainer('app', { ports: [{ containerPort: 80, hostPort: 8080 }] })] };
  await lab.start(makePod(spec), makePod(spec, { uid: 'uid-2', name: 'late' }));
  t.true(lab.ready('uid-1'));
  t.is(lab.status('uid-2')?.phase, 'Failed');
  t.is(lab.status('uid-2')?.reason, 'NodePorts');
});

test('a pod that was removed by force and still ends keeps no host port from its successor', async (t) => {
  const lab = new PodLab();
  const spec = { containers: [makeContainer('app', { ports: [{ containerPort: 80, hostPort: 8080 }] })] };
  await lab.start(makePod(spec));
  lab.pods.remove('uid-1');
  lab.pods.upsert(makePod(spec, { uid: 'uid-2', name: 'next' }));
  await lab.clock.advance(0);
  t.true(lab.ready('uid-2'));
});

test('a preStop hook runs before the stop, within the grace', async (t) => {
  const lab = new PodLab();
  lab.runtime.execResult = async () => {
    await lab.clock.sleep(10_000);
    return { exitCode: 0, output: '' };
  };
  const pod = makePod({ containers: [makeContainer('app', { lifecycle: { preStop: { exec: { command: ['wait'] } } } })] });
  await lab.start(pod);
  lab.pods.upsert(deleted(pod, 30));
  await lab.clock.advance(9_999);
  t.truthy(lab.runtime.running('app'));
  await lab.clock.advance(1);
  t.true(lab.isGone);
  t.true(lab.runtime.calls.includes('stop app#0 20s'));
});

test('a container whose postStart hook fails is killed and started again', async (t) => {
  const lab = new PodLab();
  let runs = 0;
  lab.runtime.execResult = () => ({ exitCode: (runs += 1) === 1 ? 1 : 0, output: '' });
  await lab.start(makePod({ containers: [makeContainer('app', { lifecycle: { postStart: { exec: { command: ['x'] } } } })] }));
  t.is(lab.runtime.running('app')?.attempt, 1);
  t.true(lab.ready());
  t.deepEqual(lab.words('FailedPostStartHook'), ['PostStartHook failed']);
});

test('a failing liveness probe restarts the container', async (t) => {
  const lab = new PodLab();
  lab.runtime.execResult = (id) => ({ exitCode: id === 'container-2' ? 1 : 0, output: 'sick' });
  await lab.start(makePod({ containers: [makeContainer('app', { livenessProbe: { exec: { command: ['x'] }, failureThreshold: 2, periodSeconds: 5 } })] }));
  t.is(lab.runtime.running('app')?.attempt, 0);
  await lab.clock.advance(5_000);
  t.is(lab.runtime.running('app')?.attempt, 1);
  t.deepEqual(lab.words('Unhealthy'), ['Liveness probe failed: sick', 'Liveness probe failed: sick']);
  t.deepEqual(lab.words('Killing'), ['Container app failed liveness probe, will be restarted']);
});

test('conditions of others survive, and gates keep a pod from being ready', async (t) => {
  const lab = new PodLab();
  const gate = { type: 'example.com/gate', status: 'False' };
  const pod = makePod({ readinessGates: [{ conditionType: 'example.com/gate' }] }, { status: { conditions: [gate] } });
  await lab.start(pod);
  t.false(lab.ready());
  t.deepEqual(lab.status()?.conditions?.find((condition) => condition.type === gate.type), gate);
  lab.pods.upsert({ ...pod, status: { conditions: [{ ...gate, status: 'True' }] } });
  await lab.clock.advance(0);
  t.true(lab.ready());
});
