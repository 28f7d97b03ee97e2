import test from 'ava';
import { LeaseWatch } from '../../../../controller/nodes/lease-watch.ts';
import { agentAwaySecondsMax, nodeLeaseTtlSeconds } from '../../../../controller/limits.ts';
import { NodeLease } from '../../../../controller/nodes/leases.ts';
import { systemClock } from '../../../../proto/process/clock.ts';
import type { Clock } from '../../../../proto/process/clock.ts';
import { silentLog } from '../../../../proto/process/log.ts';
import { systemRandom } from '../../../../proto/process/random.ts';
import { settle } from '../../../fixtures/manual-clock.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

/** A clock whose monotonic time the test moves. */
const steppedClock = (): { clock: Clock; step: (ms: number) => void } => {
  let nowMs = 0;
  return { clock: { ...systemClock, monotonicMs: () => nowMs }, step: (ms) => void (nowMs += ms) };
};

/** A clock whose timers keep the process alive, as nothing else here does. */
const holdingClock: Clock = {
  ...systemClock,
  after(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

test('a lease that ran out is made anew at the next heartbeat, and its holder is told', async (t) => {
  const kv = new MemoryKv();
  const { clock, step } = steppedClock();
  const watch = new LeaseWatch({ kv, clock, random: systemRandom, log: silentLog });
  await watch.start();
  t.teardown(() => watch.close());
  let told = (): void => undefined;
  const regained = new Promise<void>((resolve) => (told = resolve));
  const lease = new NodeLease('n', { kv, clock, log: silentLog }, told);
  const changes: boolean[] = [];
  watch.subscribe((name) => changes.push(watch.isAlive(name)));
  await lease.hold();
  const [[first]] = [...kv.leases] as [[string, number]];
  kv.expireLease(first);
  step(1_000);
  lease.beat();
  await regained;
  t.deepEqual(changes, [true], 'it was gone for too short a time to be called dead');
});

test('a node whose lease stays gone is dead, and alive again with its next lease', async (t) => {
  const kv = new MemoryKv();
  const watch = new LeaseWatch({ kv, clock: holdingClock, random: systemRandom, log: silentLog });
  await watch.start();
  t.teardown(() => watch.close());
  const change = (): Promise<boolean> => new Promise((resolve) => {
    const subscription = watch.subscribe((name) => {
      subscription.close();
      resolve(watch.isAlive(name));
    });
  });
  const first = change();
  await new NodeLease('n', { kv, clock: systemClock, log: silentLog }, () => undefined).hold();
  t.true(await first);
  const second = change();
  for (const [lease] of kv.leases) kv.expireLease(lease);
  t.false(await second);
  const third = change();
  await new NodeLease('n', { kv, clock: systemClock, log: silentLog }, () => undefined).hold();
  t.true(await third);
});

test('heartbeats that come close together cost one call to etcd', async (t) => {
  let calls = 0;
  class CountingKv extends MemoryKv {
    override keepLease(id: string): Promise<number> {
      calls += 1;
      return super.keepLease(id);
    }
  }
  const kv = new CountingKv();
  const { clock, step } = steppedClock();
  const lease = new NodeLease('n', { kv, clock, log: silentLog }, () => t.fail());
  await lease.hold();
  for (let beat = 0; beat < 100; beat += 1) {
    step(50);
    lease.beat();
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.true(calls >= 5 && calls <= 7, `${calls} calls in 5 seconds`);
});

test('the next holder goes on with the lease that is there', async (t) => {
  const kv = new MemoryKv();
  const { clock } = steppedClock();
  for (let holder = 0; holder < 3; holder += 1) await new NodeLease('n', { kv, clock, log: silentLog }, () => undefined).hold();
  t.is(kv.leases.size, 1);
});

test('the lease of a node whose agent has ended is longer, and no session goes on with it', async (t) => {
  const kv = new MemoryKv();
  const { clock } = steppedClock();
  const present = async (): Promise<unknown> => JSON.parse(String((await kv.get('/berth/nodes/n'))?.value));
  const first = new NodeLease('n', { kv, clock, log: silentLog }, () => undefined);
  await first.hold();
  const { lease: held } = (await present()) as { lease: string };
  await first.linger();
  const left = (await present()) as { lease: string; away?: boolean };
  t.true(left.away);
  t.is(kv.leases.get(left.lease), agentAwaySecondsMax);
  await new NodeLease('n', { kv, clock, log: silentLog }, () => undefined).hold();
  const next = (await present()) as { lease: string; away?: boolean };
  t.is(next.away, undefined);
  t.is(kv.leases.get(next.lease), nodeLeaseTtlSeconds);
  t.false([held, left.lease].includes(next.lease));
});

test('a session that ends changes nothing of one that has begun, nor of a node that is dead', async (t) => {
  const kv = new MemoryKv();
  const { clock, step } = steppedClock();
  const [first, second] = [0, 1].map(() => new NodeLease('n', { kv, clock, log: silentLog }, () => undefined));
  await first?.hold();
  await second?.hold();
  const before = String((await kv.get('/berth/nodes/n'))?.value);
  await first?.linger();
  t.is(String((await kv.get('/berth/nodes/n'))?.value), before);
  step(nodeLeaseTtlSeconds * 1_000);
  for (const [lease] of kv.leases) kv.expireLease(lease);
  await second?.linger();
  t.is(await kv.get('/berth/nodes/n'), undefined);
});

test('a session that has ended takes no lease any more, whatever it was about to do', async (t) => {
  let gate = Promise.resolve();
  class SlowKv extends MemoryKv {
    override async get(key: string): ReturnType<MemoryKv['get']> {
      await gate;
      return super.get(key);
    }
  }
  const kv = new SlowKv();
  const { clock, step } = steppedClock();
  const over = new AbortController();
  const from = (controller: string, signal?: AbortSignal): NodeLease =>
    new NodeLease('n', { kv, clock, log: silentLog, peerAddress: () => controller }, () => t.fail('it was not regained'), signal);
  const first = from('first', over.signal);
  await first.hold();
  for (const [lease] of kv.leases) kv.expireLease(lease);
  step(1_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  gate = promise;
  first.beat();
  await settle();
  const late = t.throwsAsync(first.hold(), { message: 'over' });
  over.abort(new Error('over'));
  gate = Promise.resolve();
  await from('second').hold();
  resolve();
  await late;
  await settle();
  t.is(JSON.parse(String((await kv.get('/berth/nodes/n'))?.value)).controller, 'second');
});

test('before the first read nobody is said to be dead', async (t) => {
  const kv = new MemoryKv();
  const watch = new LeaseWatch({ kv, clock: systemClock, random: systemRandom, log: silentLog });
  t.teardown(() => watch.close());
  kv.setAvailable(false);
  const started = watch.start();
  t.false(watch.ready);
  kv.setAvailable(true);
  await started;
  t.true(watch.ready);
});
