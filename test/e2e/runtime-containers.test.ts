import { existsSync } from 'node:fs';
import test from 'ava';
import { ApiError } from '../../proto/errors.ts';
import { RuntimeFailure } from '../../agent/runtime/runtime.ts';
import type { LogQuery } from '../../proto/tunnel-requests.ts';
import { eventually, type RunningPod, type RuntimeFixture, startRuntime, waitTimeoutMs } from '../fixtures/containerd-runtime.ts';
import { userImage } from '../fixtures/images.ts';
import { registryPassword, registryUser } from '../fixtures/registry.ts';

let fixture: RuntimeFixture;

test.before(async () => {
  fixture = await startRuntime();
});

test.after.always(async () => {
  await fixture?.stop();
});

const shell = (script: string): { command: string[] } => ({ command: ['sh', '-c', script] });

const query = (running: RunningPod, options: Partial<LogQuery> = {}): LogQuery => ({
  podUid: running.uid, namespace: 'default', podName: running.pod.metadata.name ?? '', container: 'main', follow: false, previous: false, timestamps: false, ...options,
});

const read = async (running: RunningPod, options: Partial<LogQuery> = {}): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of await fixture.runtime().log(query(running, options), AbortSignal.timeout(20_000))) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

test('exit codes, signals, messages and the kernel’s kills are told as what they are', async (t) => {
  const failing = await fixture.run(fixture.pod('failing', shell('echo why > /dev/termination-log; exit 3')));
  const failed = await fixture.exited(failing.uid, failing.ids[0] ?? '');
  t.like(failed, { exitCode: 3, reason: 'Error', message: 'why\n', image: fixture.containerd.busybox });
  t.regex(failed.imageId, /^localhost:5000\/busybox@sha256:/);
  t.true(failed.startedAtMs > 0 && failed.finishedAtMs >= failed.startedAtMs);

  const completing = await fixture.run(fixture.pod('completing', shell('true')));
  t.like(await fixture.exited(completing.uid, completing.ids[0] ?? ''), { exitCode: 0, reason: 'Completed', message: '' });

  const silent = await fixture.run(fixture.pod('silent', { ...shell('echo last words; exit 1'), terminationMessagePolicy: 'FallbackToLogsOnError' }));
  t.is((await fixture.exited(silent.uid, silent.ids[0] ?? '')).message, 'last words\n');

  const greedy = await fixture.run(fixture.pod('greedy', { ...shell('tail /dev/zero'), resources: { limits: { memory: '16Mi' } } }));
  const killed = await eventually(fixture.runtime(), greedy.uid, (pod) => pod?.containers.find(({ reason }) => reason === 'OOMKilled'));
  t.is(killed.exitCode, 137);

  const stubborn = await fixture.run(fixture.pod('stubborn', shell('trap "" TERM; while :; do sleep 1; done')));
  await fixture.runtime().stopContainer(stubborn.ids[0] ?? '', 1);
  t.is((await fixture.exited(stubborn.uid, stubborn.ids[0] ?? '')).exitCode, 137);
});

test('stopping, removing and cleaning twice is as good as once', async (t) => {
  const running = await fixture.run(fixture.pod('twice', {}));
  const runtime = fixture.runtime();
  for (const _ of [1, 2]) {
    await runtime.stopContainer(running.ids[0] ?? '', 0);
    await runtime.removeContainer(running.ids[0] ?? '');
    await runtime.stopSandbox(running.sandbox.id);
    await runtime.removeSandbox(running.sandbox.id);
    await runtime.cleanPod(running.uid);
  }
  t.is(await runtime.observePod(running.uid), undefined);
  t.false((await runtime.podsOnDisk()).includes(running.uid));
});

test('a command that cannot run fails without an error, and one that takes too long is a TimeoutError', async (t) => {
  const running = await fixture.run(fixture.pod('exec', { env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] }));
  const [id = ''] = running.ids;
  t.is(await fixture.sh(running, 'echo $IP'), running.sandbox.ips[0] ?? 'an address');
  t.is((await fixture.runtime().exec(id, ['/no/such/program'], 5000)).exitCode, 126);
  t.is((await fixture.runtime().exec(id, ['sh', '-c', 'exit 7'], 5000)).exitCode, 7);
  await t.throwsAsync(fixture.runtime().exec(id, ['sleep', '60'], 100), { name: 'TimeoutError' });
  await fixture.end(running);
});

test('logs are read from any place, with times, of the run before, and followed to the end', async (t) => {
  const script = 'for i in 1 2 3 4 5; do echo line $i; done; until [ -e /tmp/go ]; do sleep 0.05; done; echo late; exit 0';
  const running = await fixture.run(fixture.pod('logging', shell(script)));
  const stream = await fixture.runtime().log(query(running, { follow: true }), AbortSignal.timeout(20_000));
  let text = '';
  for await (const chunk of stream) {
    const hadFive = text.includes('line 5');
    text += chunk.toString();
    // The container waits until its first lines were followed.
    // It may be over before the command is, which is then killed with it.
    if (!hadFive && text.includes('line 5')) await fixture.runtime().exec(running.ids[0] ?? '', ['touch', '/tmp/go'], waitTimeoutMs);
  }
  t.is(text, 'line 1\nline 2\nline 3\nline 4\nline 5\nlate\n');
  await fixture.exited(running.uid, running.ids[0] ?? '');
  t.is(await read(running, { tailLines: 1 }), 'late\n');
  t.is(await read(running, { tailLines: 0 }), '');
  t.is(await read(running, { limitBytes: 9 }), 'line 1\nli');
  t.regex(await read(running, { timestamps: true, tailLines: 1 }), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z late\n$/);
  t.is(await read(running, { sinceTime: '2999-01-01T00:00:00Z' }), '');
  t.true((await read(running, { sinceSeconds: 3600 })).startsWith('line 1\n'));

  const error = await t.throwsAsync(read(running, { previous: true }), { instanceOf: ApiError });
  t.is(error?.message, 'previous terminated container "main" in pod "logging" not found');
  const container = running.pod.spec?.containers[0] ?? { name: '' };
  const second = await fixture.startContainer(running, { ...container, command: ['echo', 'second run'] }, 1);
  await fixture.exited(running.uid, second);
  t.is(await read(running), 'second run\n');
  t.is(await read(running, { previous: true, tailLines: 1 }), 'late\n');
  await t.throwsAsync(read(running, { container: 'other' }), { instanceOf: ApiError, message: /is waiting to start/ });
});

test('pull policies, private images and names that are none', async (t) => {
  const { containerd, objects } = fixture;
  const image = await containerd.push(userImage('private:1', '7', containerd.registry), `${registryUser}:${registryPassword}`);
  const pull = (container: { image: string; imagePullPolicy?: string }, secret?: string): Promise<{ pulled: boolean; imageId: string }> => {
    const pod = fixture.pod('pulling', container, secret ? { imagePullSecrets: [{ name: secret }] } : {});
    return fixture.runtime().pullImage(pod, pod.spec?.containers[0] ?? { name: '' }, AbortSignal.timeout(20_000));
  };
  const reasonOf = async (promise: Promise<unknown>): Promise<string | undefined> => (await t.throwsAsync(promise, { instanceOf: RuntimeFailure }))?.reason;
  t.is(await reasonOf(pull({ image, imagePullPolicy: 'Never' })), 'ErrImageNeverPull');
  t.is(await reasonOf(pull({ image: 'Not An Image' })), 'InvalidImageName');
  t.is(await reasonOf(pull({ image: `${containerd.registry}/absent:1` })), 'ErrImagePull');
  t.is(await reasonOf(pull({ image })), 'ErrImagePull', 'without credentials');
  const auths = { [containerd.privateRegistry]: { auth: Buffer.from(`${registryUser}:${registryPassword}`).toString('base64') } };
  objects.set('Secret', 'login', { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') } });
  const [first, other] = await Promise.all([pull({ image }, 'login'), pull({ image }, 'login')]);
  t.true(first.pulled && other.pulled);
  t.regex(first.imageId, /^localhost:5001\/private@sha256:/);
  t.false((await pull({ image, imagePullPolicy: 'IfNotPresent' })).pulled);
  const digest = first.imageId;
  t.false((await pull({ image: digest, imagePullPolicy: 'IfNotPresent' }, 'login')).pulled);
});

test('hostPorts answer on the node, and everything goes when the pod goes', async (t) => {
  const running = await fixture.run(fixture.pod('port', { ...shell('while :; do echo hello | nc -l -p 8080; done'), ports: [{ containerPort: 8080, hostPort: 18080 }] }));
  t.true(existsSync(`/sys/fs/cgroup/pids${fixture.containerd.cgroupParent}/besteffort/pod${running.uid}`) || existsSync(`/sys/fs/cgroup${fixture.containerd.cgroupParent}/besteffort/pod${running.uid}`));
  await fixture.end(running);
  t.false(existsSync(`${fixture.containerd.rootDir}/logs/default_port_${running.uid}`));
});
