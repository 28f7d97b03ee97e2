import test from 'ava';
import { eventually, type RuntimeFixture, startRuntime } from '../fixtures/containerd-runtime.ts';

let fixture: RuntimeFixture;

test.before(async () => {
  fixture = await startRuntime();
});

test.after.always(async () => {
  await fixture?.stop();
});

test.serial('when containerd is killed and comes back, containers went on, and events and calls go on', async (t) => {
  const running = await fixture.run(fixture.pod('lasting', {}));
  const before = await fixture.runtime().observePod(running.uid);
  const resynced = new Promise<void>((resolve) => {
    fixture.runtime().subscribe((event) => event.podUid === running.uid && resolve());
  });
  await fixture.containerd.kill();
  await t.throwsAsync(fixture.runtime().observe(), { name: 'CriError' });
  await fixture.containerd.launch();
  await resynced;
  t.deepEqual(await fixture.runtime().observePod(running.uid), before);

  // The stream is a new one: an exit is told by it, not by the look that the gap asked for.
  const ended = eventually(fixture.runtime(), running.uid, (pod) => pod?.containers.find(({ state, settled }) => state === 'exited' && settled));
  await fixture.runtime().exec(running.ids[0] ?? '', ['sh', '-c', 'kill -9 1; kill -TERM -1'], 5000).catch(() => undefined);
  await fixture.runtime().stopContainer(running.ids[0] ?? '', 0);
  t.is((await ended).exitCode, 137);
  await fixture.end(running);
});

test.serial('an exit while containerd was away is found when it is back', async (t) => {
  const running = await fixture.run(fixture.pod('short', { command: ['sh', '-c', 'sleep 1; exit 5'] }));
  await fixture.containerd.kill();
  // Told when containerd's CRI side answers again; the exit itself may be told before that.
  const resynced = new Promise<void>((resolve) => {
    fixture.runtime().subscribe((event) => event.podUid === running.uid && event.type === 'sandbox' && resolve());
  });
  await new Promise((resolve) => setTimeout(resolve, 1200));
  await fixture.containerd.launch();
  await resynced;
  t.is((await fixture.exited(running.uid, running.ids[0] ?? '')).exitCode, 5);
  await fixture.end(running);
});

test.serial('a runtime that was killed is replaced by one that knows the same', async (t) => {
  const running = await fixture.run(fixture.pod('inherited', {}));
  const before = await fixture.runtime().observePod(running.uid);
  await fixture.replace();
  t.deepEqual(await fixture.runtime().observePod(running.uid), before);
  t.deepEqual([...(await fixture.runtime().observe()).keys()], [running.uid]);
  t.true((await fixture.runtime().podsOnDisk()).includes(running.uid));
  t.is(await fixture.sh(running, 'echo here'), 'here');
  const ended = fixture.exited(running.uid, running.ids[0] ?? '');
  await fixture.runtime().stopContainer(running.ids[0] ?? '', 0);
  t.is((await ended).exitCode, 137);
  await fixture.end(running);
});
