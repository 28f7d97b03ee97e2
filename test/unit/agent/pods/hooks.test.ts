import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { HookFailure, HookRunner } from '../../../../agent/pods/hooks.ts';
import { TimeoutError } from '../../../../agent/probes/timeout.ts';
import { systemClock } from '../../../../proto/process/clock.ts';
import type { LifecycleHandler } from '../../../../proto/resources/kubernetes.ts';
import { FakeRuntime } from '../../../fixtures/fake-runtime.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';
import { makeContainer, makePod } from '../../../fixtures/pod-lab.ts';

const { signal } = new AbortController();

const preStop = (hook: LifecycleHandler, { clock = systemClock, runtime = new FakeRuntime(systemClock), graceMs = 5_000 } = {}): Promise<void> =>
  new HookRunner(runtime, clock, '192.0.2.1').preStop(makePod(), makeContainer('app', { lifecycle: { preStop: hook } }), 'c', '127.0.0.1', graceMs, signal);

test('an HTTP hook asks the pod and fails by its answer', async (t) => {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(request.url === '/bad' ? 500 : 200).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await preStop({ httpGet: { port, path: '/drain' } });
  await t.throwsAsync(preStop({ httpGet: { port, path: '/bad' } }), { instanceOf: HookFailure });
  t.deepEqual(asked, ['/drain', '/bad']);
  server.close();
});

test('a pause lasts as long as it says, within the grace', async (t) => {
  const clock = new ManualClock();
  const ended: string[] = [];
  void preStop({ sleep: { seconds: 3 } }, { clock }).then(() => ended.push('short'));
  void preStop({ sleep: { seconds: 60 } }, { clock }).then(() => ended.push('long'));
  await clock.advance(2_999);
  t.deepEqual(ended, []);
  await clock.advance(1);
  t.deepEqual(ended, ['short']);
  await clock.advance(2_000);
  t.deepEqual(ended, ['short', 'long']);
});

test('a command that fails, or takes longer than the grace, is a failed hook', async (t) => {
  const runtime = new FakeRuntime(systemClock);
  runtime.execResult = () => ({ exitCode: 4, output: 'no' });
  await t.throwsAsync(preStop({ exec: { command: ['x'] } }, { runtime }), { instanceOf: HookFailure });
  runtime.execResult = () => new Promise(() => undefined);
  const clock = new ManualClock();
  const late = t.throwsAsync(preStop({ exec: { command: ['x'] } }, { runtime, clock, graceMs: 20 }), { instanceOf: TimeoutError });
  await clock.advance(20);
  await late;
});
