/** How pods begin, go on and end: order, restarts, back-off, hooks, probes, grace; and how soon the API says so. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import anyTest, { type TestFn } from 'ava';
import { relistPeriodMs } from '../../agent/limits.ts';
import { podKind } from '../../proto/kinds.ts';
import type { Container, Pod } from '../../proto/resources/kubernetes.ts';
import { until } from '../fixtures/child.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { ClusterPods, containerOf, forever, isOver, isReady, podOf, shell, waitsFor } from '../fixtures/cluster-pods.ts';
import { podServer } from '../fixtures/pod-server.ts';

const test = anyTest as TestFn;
let cluster: ClusterFixture;
let pods: ClusterPods;
let image: string;

test.before(async () => {
  cluster = await startCluster();
  image = await pushScript(cluster, 'box:1', 'exec sleep 3600\n');
  pods = await ClusterPods.open(cluster);
});

test.after.always(async () => {
  await pods?.close().catch(() => undefined);
  await cluster?.stop();
});

const eventsOf = (name: string): Promise<string> => cluster.client.text('GET', `/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D${name}`);

const restarts = (count: number, name = 'main') => (pod: Pod): boolean => (containerOf(pod, name)?.restartCount ?? 0) >= count;
const condition = (pod: Pod | undefined, type: string) => pod?.status?.conditions?.find((item) => item.type === type);

test('init containers run one after the other, then a sidecar, then the main container', async (t) => {
  const share = { volumeMounts: [{ name: 'order', mountPath: '/order' }] };
  const note = (name: string, then = ''): Container => shell(image, `echo ${name} >> /order/file; ${then}`, { ...share, name });
  const init = [note('first', 'sleep 0.3'), note('second'), { ...note('sidecar', forever), restartPolicy: 'Always', startupProbe: { exec: { command: ['/bin/sh', '-c', 'sleep 0.2; echo started >> /order/file'] }, periodSeconds: 1, timeoutSeconds: 30 } }, note('third')];
  await pods.create(podOf('order', [note('main', `cat /order/file; echo end; ${forever}`)], { initContainers: init, volumes: [{ name: 'order', emptyDir: {} }] }));
  const early = await pods.until('order', (pod) => containerOf(pod, 'first')?.state?.running !== undefined);
  t.is(containerOf(early)?.state?.waiting?.reason, 'PodInitializing');
  t.like(condition(early, 'Initialized'), { status: 'False', reason: 'ContainersNotInitialized', message: 'containers with incomplete status: [first second sidecar third]' });
  const pod = await pods.until('order', isReady);
  await pods.facts('order');
  t.is(await pods.log('order', { container: 'main' }), 'first\nsecond\nsidecar\nstarted\nthird\nmain\nend\n');
  t.is(condition(pod, 'Initialized')?.status, 'True');
  t.like(containerOf(pod, 'second'), { ready: true, state: { terminated: { reason: 'Completed', exitCode: 0 } } });
  t.like(containerOf(pod, 'sidecar'), { ready: true, started: true });
  process.kill(pods.pid('order', 'sidecar'), 'SIGKILL');
  const healed = await pods.until('order', (one) => restarts(1, 'sidecar')(one) && isReady(one));
  t.deepEqual(['first', 'third', 'main'].map((name) => containerOf(healed, name)?.restartCount), [0, 0, 0], 'a sidecar runs again by itself');
});

test('a sidecar does not keep a finished pod from being over, and is stopped after its main containers', async (t) => {
  const sidecar: Container = { ...shell(image, forever, { name: 'sidecar' }), restartPolicy: 'Always' };
  await pods.create(podOf('job', [shell(image, 'sleep 0.2')], { initContainers: [sidecar], restartPolicy: 'Never' }));
  const pod = await pods.until('job', isOver);
  t.is(pod.status?.phase, 'Succeeded');
  t.is(containerOf(pod, 'sidecar')?.state?.terminated?.exitCode, 0);
  t.like(condition(pod, 'Ready'), { status: 'False', reason: 'PodCompleted' });
});

test('an init container that fails for good fails the pod; main containers never run', async (t) => {
  await pods.create(podOf('bad-init', [shell(image, forever)], { initContainers: [shell(image, 'exit 4', { name: 'init' })], restartPolicy: 'Never' }));
  const pod = await pods.until('bad-init', isOver);
  t.is(pod.status?.phase, 'Failed');
  t.is(containerOf(pod, 'init')?.state?.terminated?.exitCode, 4);
  t.is(containerOf(pod)?.state?.waiting?.reason, 'PodInitializing');
});

test('OnFailure runs again what failed until it succeeds; Always runs again what succeeded, too', async (t) => {
  const share = { volumeMounts: [{ name: 'tries', mountPath: '/tries' }] };
  const volumes = [{ name: 'tries', emptyDir: {} }];
  const secondTime = 'if [ -e /tries/once ]; then exit 0; fi; touch /tries/once; exit 1';
  await Promise.all([
    pods.create(podOf('on-failure', [shell(image, secondTime, share)], { restartPolicy: 'OnFailure', volumes })),
    pods.create(podOf('always', [shell(image, 'exit 0')])),
  ]);
  const pod = await pods.until('on-failure', isOver);
  t.is(pod.status?.phase, 'Succeeded');
  t.is(containerOf(pod)?.restartCount, 1);
  const always = await pods.until('always', (one) => restarts(1)(one) && waitsFor('CrashLoopBackOff')(one));
  t.is(containerOf(always)?.lastState?.terminated?.reason, 'Completed');
  t.is(always.status?.phase, 'Running');
});

test('a container that crashes runs again at once, then after ten seconds, then after twenty', async (t) => {
  await pods.create(podOf('crash', [shell(image, 'exit 1')]));
  const waiting = await pods.until('crash', waitsFor('CrashLoopBackOff'));
  t.regex(containerOf(waiting)?.state?.waiting?.message ?? '', /^back-off 10s restarting failed container=main pod=crash_default\(/);
  t.like(containerOf(waiting), { restartCount: 1, ready: false, lastState: { terminated: { exitCode: 1, reason: 'Error' } } });
  t.is(waiting.status?.phase, 'Running');
  const second = await pods.until('crash', (pod) => restarts(2)(pod) && waitsFor('CrashLoopBackOff')(pod));
  t.regex(containerOf(second)?.state?.waiting?.message ?? '', /^back-off 20s/);
  const tookMs = pods.firstSeenMs('crash', restarts(2)) - pods.firstSeenMs('crash', (pod) => restarts(1)(pod) && waitsFor('CrashLoopBackOff')(pod));
  t.true(tookMs > 8_500, `${tookMs} ms`);
  const { items } = await cluster.client.json<{ items: { reason: string; message: string }[] }>('GET', '/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dcrash');
  t.true(items.some(({ reason, message }) => reason === 'BackOff' && message.startsWith('Back-off restarting failed container main in pod crash_default(')), JSON.stringify(items.map(({ reason }) => reason)));
});

test('what ignores SIGTERM is killed after the grace period; what heeds it goes at once; preStop comes first', async (t) => {
  const deaf: Container = { ...shell(image, ''), command: ['/bin/sh', '-c', "trap '' TERM; while :; do sleep 0.1; done"] };
  const polite = shell(image, forever);
  const hooked = shell(image, `trap 'echo term >> /shared/file; exit 0' TERM; ${forever}`, {
    lifecycle: { preStop: { exec: { command: ['/bin/sh', '-c', 'sleep 0.5; echo stop >> /shared/file'] } } },
    volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
  });
  const graceMs = 60_000;
  const spec = { terminationGracePeriodSeconds: graceMs / 1000 };
  const hostPath = join(cluster.dataDir, 'shared');
  await Promise.all([
    pods.start(podOf('deaf', [deaf], { terminationGracePeriodSeconds: 2 })),
    pods.start(podOf('polite', [polite], spec)),
    pods.start(podOf('hooked', [hooked], { ...spec, volumes: [{ name: 'shared', hostPath: { path: hostPath, type: 'DirectoryOrCreate' } }] })),
  ]);
  const time = async (name: string): Promise<number> => {
    const beganMs = Date.now();
    await pods.delete(name);
    await pods.untilGone(name);
    return Date.now() - beganMs;
  };
  const [deafMs, politeMs, hookedMs] = await Promise.all([time('deaf'), time('polite'), time('hooked')]);
  t.true(deafMs >= 1_900 && deafMs < graceMs, `deaf ${deafMs} ms`);
  t.true(politeMs < graceMs, `polite ${politeMs} ms`);
  t.true(hookedMs >= 500 && hookedMs < graceMs, `hooked ${hookedMs} ms`);
  t.is(readFileSync(join(hostPath, 'file'), 'utf8'), 'stop\nterm\n');
});

test('a postStart hook that fails has the container killed and started again; one that works holds back Ready', async (t) => {
  const hook = (script: string): Pick<Container, 'lifecycle'> => ({ lifecycle: { postStart: { exec: { command: ['/bin/sh', '-c', script] } } } });
  await Promise.all([
    pods.create(podOf('hook-fails', [shell(image, forever, hook('exit 1'))], { terminationGracePeriodSeconds: 1 })),
    pods.create(podOf('hook-works', [shell(image, forever, hook('sleep 1; touch /done'))])),
  ]);
  await pods.until('hook-works', isReady);
  t.is(pods.inside('hook-works', 'ls /done'), '/done');
  t.true(containerOf(await pods.until('hook-fails', restarts(1)))?.lastState?.terminated !== undefined);
});

const serve = `mkdir -p /www; echo ok > /www/index.html; httpd -p 8080 -h /www; ${forever}`;

test('readiness follows what the probes see: exec, HTTP and TCP', async (t) => {
  const probes = {
    exec: { exec: { command: ['/bin/sh', '-c', 'test -e /tmp/ready'] } },
    http: { httpGet: { path: '/ready', port: 'web', httpHeaders: [{ name: 'X-Test', value: '1' }] } },
    tcp: { tcpSocket: { port: 9090 } },
  };
  const quick = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 30 };
  await Promise.all(Object.entries(probes).map(([name, probe]) =>
    pods.create(podOf(`ready-${name}`, [shell(image, `mkdir /tmp; ${serve}`, { ports: [{ name: 'web', containerPort: 8080 }], readinessProbe: { ...probe, ...quick } })]))));
  const names = Object.keys(probes).map((name) => `ready-${name}`);
  for (const name of names) {
    const pod = await pods.until(name, (one) => containerOf(one)?.state?.running !== undefined);
    t.like(condition(pod, 'Ready'), { status: 'False', reason: 'ContainersNotReady', message: 'containers with unready status: [main]' });
    t.true(containerOf(pod)?.started);
  }
  // The container runs; its script may not have come so far.
  pods.inside('ready-exec', 'mkdir -p /tmp; touch /tmp/ready');
  pods.inside('ready-http', 'mkdir -p /www; touch /www/ready');
  pods.inside('ready-tcp', 'mkdir -p /www; httpd -p 9090 -h /www');
  for (const name of names) t.true(isReady(await pods.until(name, isReady)));
  pods.inside('ready-exec', 'rm /tmp/ready');
  await pods.until('ready-exec', (pod) => !isReady(pod));
  t.is(containerOf(pods.get('ready-exec'))?.restartCount, 0);
});

test('a liveness probe restarts, a startup probe protects from it, initialDelaySeconds is waited for', async (t) => {
  const dead = { exec: { command: ['/bin/sh', '-c', 'test ! -e /sick'] }, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 2 };
  await Promise.all([
    pods.start(podOf('alive', [shell(image, forever, { livenessProbe: dead })], { terminationGracePeriodSeconds: 1 })),
    pods.create(podOf('slow', [shell(image, `sleep 3; touch /up; ${forever}`, {
      startupProbe: { exec: { command: ['/bin/sh', '-c', 'test -e /up'] }, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 60 },
      livenessProbe: { exec: { command: ['/bin/sh', '-c', 'test -e /up'] }, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 1 },
    })])),
    pods.create(podOf('late', [shell(image, forever, { readinessProbe: { exec: { command: ['/bin/true'] }, initialDelaySeconds: 3, timeoutSeconds: 30 } })])),
    pods.create(podOf('hopeless', [shell(image, forever, { startupProbe: { exec: { command: ['/bin/false'] }, periodSeconds: 1, failureThreshold: 2 } })], { terminationGracePeriodSeconds: 1 })),
  ]);
  pods.inside('alive', 'touch /sick');
  const restarted = await pods.until('alive', restarts(1));
  t.truthy(containerOf(restarted)?.lastState?.terminated);
  await pods.until('hopeless', restarts(1));
  const late = await pods.until('late', isReady);
  const delayMs = Date.parse(condition(late, 'Ready')?.lastTransitionTime ?? '') - Date.parse(containerOf(late)?.state?.running?.startedAt ?? '');
  // Both are whole seconds.
  t.true(delayMs >= 2_000, `${delayMs} ms`);
  const slow = await pods.until('slow', isReady);
  t.is(containerOf(slow)?.restartCount, 0);
  t.true(pods.history('slow').some(({ pod }) => containerOf(pod)?.started === false && containerOf(pod)?.state?.running !== undefined));
  const events = await eventsOf('alive');
  t.regex(events, /Liveness probe failed/);
  t.regex(events, /Container main failed liveness probe, will be restarted/);
});

test('gRPC and HTTPS probes ask what serves in the pod, and hooks over HTTP reach whom they name', async (t) => {
  const folder = join(cluster.dataDir, 'server');
  mkdirSync(folder);
  const say = (name: string): void => writeFileSync(join(folder, name), '');
  const asked = (): string[] => readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n');
  const server = await podServer(cluster, image, folder);
  const often = { periodSeconds: 1, timeoutSeconds: 10 };
  const alive = { grpc: { port: 9000, service: 'alive' }, ...often };
  say('alive');
  await pods.create(podOf('server', [
    {
      ...server.container, ports: [{ name: 'tls', containerPort: 8443 }],
      readinessProbe: { httpGet: { path: '/', port: 'tls', scheme: 'HTTPS' }, ...often, failureThreshold: 1 },
      lifecycle: { preStop: { httpGet: { path: '/own', port: 8080 } } },
    },
    // In the same network: its probes ask the server beside it.
    shell(image, forever, {
      name: 'beside', startupProbe: { ...alive, failureThreshold: 60 }, livenessProbe: { ...alive, failureThreshold: 2 },
      readinessProbe: { grpc: { port: 9000, service: 'ready' }, ...often },
    }),
  ], { volumes: server.volumes }));
  const refusals = ['HTTP probe failed with statuscode: 503', 'service unhealthy (responded with \\"NOT_SERVING\\")'];
  for (const refusal of refusals) await until(`an event says: ${refusal}`, async () => (await eventsOf('server')).includes(refusal), 100_000);
  t.deepEqual(['main', 'beside'].map((name) => containerOf(pods.get('server'), name)?.ready), [false, false]);
  say('ready');
  const { podIP: host = '' } = (await pods.until('server', isReady)).status ?? {};
  const hook = (path: string) => ({ httpGet: { host, port: 8080, path, httpHeaders: [{ name: 'X-Hook', value: 'yes' }] } });
  await Promise.all([
    pods.start(podOf('http-hooks', [shell(image, forever, { lifecycle: { postStart: hook('/started?by=1'), preStop: hook('/stopping') } })])),
    pods.create(podOf('http-refused', [shell(image, forever, { lifecycle: { postStart: hook('/refused') } })], { terminationGracePeriodSeconds: 1 })),
  ]);
  t.deepEqual(asked().filter((line) => line.startsWith('/s')), ['/started?by=1 yes']);
  await pods.until('http-refused', restarts(1));
  t.regex(await eventsOf('http-refused'), /FailedPostStartHook/);
  await pods.delete('http-hooks');
  await pods.untilGone('http-hooks');
  t.true(asked().includes('/stopping yes'));
  t.is(containerOf(pods.get('server'), 'beside')?.restartCount, 0);
  rmSync(join(folder, 'alive'));
  const restarted = await pods.until('server', restarts(1, 'beside'));
  t.is(containerOf(restarted)?.restartCount, 0);
  await pods.delete('server');
  await pods.untilGone('server');
  t.true(asked().includes('/own no'), 'a hook that names no host asks its own pod');
});

test('a probe that takes too long fails, successes are counted, and a probe may have a grace of its own', async (t) => {
  const share = { volumeMounts: [{ name: 'tries', mountPath: '/tries' }] };
  const volumes = [{ name: 'tries', emptyDir: {} }];
  const exec = (script: string) => ({ exec: { command: ['/bin/sh', '-c', script] }, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 1 });
  const deaf: Container = { ...shell(image, ''), command: ['/bin/sh', '-c', "trap '' TERM; while :; do sleep 0.1; done"], livenessProbe: { ...exec('exit 1'), initialDelaySeconds: 1, terminationGracePeriodSeconds: 1 } };
  await Promise.all([
    pods.create(podOf('probe-slow', [shell(image, forever, { readinessProbe: { ...exec('sleep 60'), timeoutSeconds: 1 } })])),
    pods.create(podOf('probe-thrice', [shell(image, forever, { ...share, readinessProbe: { ...exec('echo >> /tries/made'), successThreshold: 3 } })], { volumes })),
    // By the pod's own grace it would take longer than the test may.
    pods.create(podOf('probe-grace', [deaf], { terminationGracePeriodSeconds: 600 })),
  ]);
  await pods.until('probe-thrice', isReady);
  t.true(Number(pods.inside('probe-thrice', 'wc -l < /tries/made')) >= 3);
  await until('the timeout is told', async () => (await eventsOf('probe-slow')).includes('command timed out after 1s'), 100_000);
  t.is(containerOf(pods.get('probe-slow'))?.ready, false);
  t.is(containerOf(await pods.until('probe-grace', restarts(1)))?.lastState?.terminated?.exitCode, 137);
  await pods.delete('probe-grace', 0);
});

test('activeDeadlineSeconds fails the pod with its reason', async (t) => {
  await pods.create(podOf('deadline', [shell(image, forever)], { activeDeadlineSeconds: 2, restartPolicy: 'Never' }));
  const pod = await pods.until('deadline', isOver);
  t.is(pod.status?.phase, 'Failed');
  t.is(pod.status?.reason, 'DeadlineExceeded');
});

test('conditions and labels that others write stay through the agent’s reports', async (t) => {
  await pods.start(podOf('gated', [shell(image, forever)], { readinessGates: [] }));
  const conditions = [{ type: 'example.org/checked', status: 'True', reason: 'Checked' }];
  await cluster.client.patch(podKind, 'default', 'gated', 'strategic', { status: { conditions } }, { subresource: 'status' });
  process.kill(pods.pid('gated'), 'SIGKILL');
  const pod = await pods.until('gated', (one) => restarts(1)(one) && isReady(one));
  t.like(condition(pod, 'example.org/checked'), { status: 'True', reason: 'Checked' });
  t.is(condition(pod, 'PodScheduled')?.status, 'True');
});

test('a readiness gate is opened by whoever writes its condition', async (t) => {
  await pods.create(podOf('gate', [shell(image, forever)], { readinessGates: [{ conditionType: 'example.org/gate' }] }));
  const closed = await pods.until('gate', (pod) => condition(pod, 'ContainersReady')?.status === 'True');
  t.like(condition(closed, 'Ready'), { status: 'False', reason: 'ReadinessGatesNotReady' });
  await cluster.client.patch(podKind, 'default', 'gate', 'strategic', { status: { conditions: [{ type: 'example.org/gate', status: 'True' }] } }, { subresource: 'status' });
  t.true(isReady(await pods.until('gate', isReady)));
});

test('exits are told by events, and do not wait until everything is listed again', async (t) => {
  const toldMs: number[] = [];
  for (const name of ['exit-1', 'exit-2', 'exit-3']) {
    await pods.start(podOf(name, [shell(image, forever)], { restartPolicy: 'Never' }));
    process.kill(pods.pid(name), 'SIGKILL');
    await pods.until(name, isOver);
    toldMs.push(Date.now());
  }
  // Each would have waited for a listing of its own. How fast it really is, the benches tell.
  const tookMs = (toldMs[2] ?? Infinity) - (toldMs[0] ?? 0);
  t.true(tookMs < 2 * relistPeriodMs, `${tookMs} ms`);
});

const berth = fileURLToPath(new URL('../../deploy/berth', import.meta.url));

/** `exec` of a program as a shell's command begins; the variable is for kubectl 1.29, which else takes SPDY. */
const execOf = (program: string): string => `env KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true KUBECONFIG=${cluster.kubeconfig} ${program} exec`;

const sized = 'until [ "$(stty size)" = "33 101" ]; do sleep 0.1; done; echo sized; exit 3';

for (const [title, program] of [['kubectl', 'kubectl'], ['berth', berth]] as const) {
  test(`exec by ${title} passes input, outputs, exit codes and the terminal's size on, unharmed`, async (t) => {
    const name = `exec-${title}`;
    await pods.start(podOf(name, [shell(image, `echo '${sized}' > /sized.sh; ${forever}`)]));
    const exec = execOf(program);
    const by = (line: string) => cluster.run('/bin/sh', '-c', line);
    const apart = await by(`${exec} ${name} -- sh -c 'echo out; echo err >&2; exit 7'`);
    t.is(apart.code, 7, apart.stderr);
    t.is(apart.stdout, 'out\n');
    t.regex(apart.stderr, /^err$/m);
    const missing = await by(`${exec} ${name} -- nosuch`);
    t.is(missing.code, 1);
    t.regex(missing.stderr, /executable file not found/);
    const bytes = join(cluster.dataDir, `${title}-bytes`);
    writeFileSync(bytes, randomBytes(8 * 2 ** 20));
    const whole = await by(`${exec} -i ${name} -- cat < ${bytes} | cmp - ${bytes}`);
    t.is(whole.code, 0, whole.stdout + whole.stderr);
    const terminal = await by(`SHELL=/bin/sh script -qec 'stty rows 33 cols 101; ${exec} -it ${name} -- sh /sized.sh' /dev/null < /dev/null`);
    t.is(terminal.code, 3, terminal.stdout + terminal.stderr);
    t.regex(terminal.stdout, /sized/);

    // It takes none of its input, so that nobody reads from the client either.
    const client = spawn('/bin/sh', ['-c', `exec ${exec} -i ${name} -- sh -c 'echo begun; sleep 4321; true' < ${bytes}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(client.stdout, 'data');
    const left = (): string => pods.inside(name, 'ps | grep "[s]leep 4321" || true');
    t.not(left(), '');
    client.kill('SIGKILL');
    const deadlineMs = Date.now() + 60_000;
    while (left() !== '' && Date.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 500));
    t.is(left(), '');
  });
}
