import test from 'ava';
import { leaseGoneConfirmMs, leaseReturnGraceMs } from '../../../../controller/limits.ts';
import { LeaseWatch } from '../../../../controller/nodes/lease-watch.ts';
import type { Kv, KvWatchHandlers } from '../../../../controller/store/kv.ts';
import type { Clock } from '../../../../proto/process/clock.ts';
import { silentLog } from '../../../../proto/process/log.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

const prefix = '/berth/nodes/';

/** Leases of n1 and n2; the test plays etcd's watch, and may let time jump as it does for a process that stood still. */
const start = async () => {
  const clock = new ManualClock();
  const jumped = { ms: 0 };
  const jumping: Clock = {
    nowMs: () => clock.nowMs(), monotonicMs: () => clock.monotonicMs() + jumped.ms,
    after: (ms, callback) => clock.after(ms, callback), every: (ms, callback) => clock.every(ms, callback), sleep: (ms, signal) => clock.sleep(ms, signal),
  };
  let handlers: KvWatchHandlers | undefined;
  let leases = ['n1', 'n2'];
  const kv = {
    range: async () => ({ entries: leases.map((name) => ({ key: prefix + name, value: Buffer.from('{}') })), revision: 1 }),
    watch: (_key: string, _revision: number, given: KvWatchHandlers) => {
      handlers = given;
      return { close: () => undefined };
    },
  } as unknown as Kv;
  const watch = new LeaseWatch({ kv, clock: jumping, random: seededRandom(1), log: silentLog });
  await watch.start();
  const gone = (name: string): void => handlers?.onEvents([{ type: 'delete', key: prefix + name }] as never);
  const back = (name: string): void => handlers?.onEvents([{ type: 'put', entry: { key: prefix + name, value: Buffer.from('{}') } }] as never);
  const restored = (names: string[]): void => {
    leases = names;
    handlers?.onCompacted();
  };
  return { clock, watch, gone, back, restored, jump: (ms: number) => void (jumped.ms += ms), connection: (up: boolean) => handlers?.onConnection(up) };
};

test('a node is gone a moment after its lease', async (t) => {
  const { clock, watch, gone } = await start();
  gone('n1');
  await clock.advance(leaseGoneConfirmMs - 1);
  t.true(watch.isAlive('n1'));
  await clock.advance(1);
  t.false(watch.isAlive('n1'));
  t.true(watch.isAlive('n2'));
});

test('after etcd was away nodes get time to be heard again', async (t) => {
  const { clock, watch, gone, back, connection } = await start();
  connection(false);
  await clock.advance(30_000);
  connection(true);
  gone('n1');
  gone('n2');
  await clock.advance(leaseReturnGraceMs - 1);
  back('n1');
  await clock.advance(1);
  t.true(watch.isAlive('n1'));
  t.false(watch.isAlive('n2'));
});

test('so they do when the leases are read anew, as after a restore of etcd', async (t) => {
  const { clock, watch, back, restored } = await start();
  restored(['n3']);
  await clock.advance(leaseReturnGraceMs - 1);
  t.deepEqual(['n1', 'n2', 'n3'].map((name) => watch.isAlive(name)), [true, true, true]);
  back('n1');
  await clock.advance(1);
  t.deepEqual(['n1', 'n2', 'n3'].map((name) => watch.isAlive(name)), [true, false, true]);
});

test('so they do after this process stood still', async (t) => {
  const { clock, watch, gone, jump } = await start();
  jump(5_000);
  gone('n1');
  await clock.advance(leaseReturnGraceMs - 1);
  t.true(watch.isAlive('n1'));
  await clock.advance(1);
  t.false(watch.isAlive('n1'));
});
