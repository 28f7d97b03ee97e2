import test from 'ava';
import { evictionBurstNodes, evictionNodeIntervalMs, evictionNotReadySettleMs, evictionSettleMs, evictionSettleMsMax, nodeReturnGraceMs } from '../../../../controller/limits.ts';
import { EvictionPace } from '../../../../controller/workloads/eviction-pace.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

const fleet = (size: number) => {
  const clock = new ManualClock();
  const told: string[] = [];
  const names = Array.from({ length: size }, (_, at) => `n${at}`);
  const pace = new EvictionPace(clock, (node) => told.push(node));
  for (const name of names) pace.set(name, 'ready');
  const evicting = (): string[] => names.filter((name) => pace.mayEvict(name));
  return { clock, told, names, pace, evicting };
};

test('a node loses its pods when it has failed for a moment, and keeps them when it is back before', async (t) => {
  const { clock, pace, evicting, told } = fleet(3);
  pace.set('n1', 'gone');
  await clock.advance(evictionSettleMs - 1);
  t.deepEqual(evicting(), []);
  await clock.advance(1);
  t.deepEqual(evicting(), ['n1']);
  t.deepEqual(told, ['n1']);
  pace.set('n1', 'ready');
  t.deepEqual(evicting(), []);
  pace.set('n1', 'gone');
  await clock.advance(evictionSettleMs - 1);
  pace.set('n1', 'ready');
  await clock.advance(60_000);
  t.deepEqual(evicting(), []);
});

test('of 2,000 nodes of 5,000 a few lose their pods at once and then one each second; those that come back cost no turn', async (t) => {
  const { clock, names, pace, evicting } = fleet(5_000);
  for (const name of names.slice(0, 2_000)) pace.set(name, 'gone');
  await clock.advance(evictionSettleMs);
  t.is(evicting().length, evictionBurstNodes);
  await clock.advance(10 * evictionNodeIntervalMs);
  t.is(evicting().length, evictionBurstNodes + 10);
  for (const name of names.slice(0, 2_000)) pace.set(name, 'ready');
  await clock.advance(evictionBurstNodes * evictionNodeIntervalMs);
  pace.set('n4000', 'gone');
  await clock.advance(evictionSettleMs);
  t.deepEqual(evicting(), ['n4000']);
});

test('nobody loses pods while most nodes fail, and who still fails afterwards has to settle anew', async (t) => {
  const { clock, pace, evicting, told } = fleet(5);
  pace.set('n0', 'gone');
  await clock.advance(evictionSettleMs);
  t.deepEqual(evicting(), ['n0']);
  pace.set('n1', 'gone');
  pace.set('n2', 'gone');
  await clock.advance(0);
  t.true(pace.isOutage);
  t.deepEqual(evicting(), []);
  t.deepEqual(told, ['n0', 'n0']);
  await clock.advance(3_600_000);
  t.deepEqual(evicting(), []);
  pace.set('n1', 'ready');
  await clock.advance(nodeReturnGraceMs - 1);
  t.deepEqual(evicting(), []);
  await clock.advance(1);
  t.deepEqual(evicting().toSorted(), ['n0', 'n2']);
});

test('two of three nodes are no outage, the only one is', async (t) => {
  const three = fleet(3);
  three.pace.set('n0', 'gone');
  three.pace.set('n1', 'gone');
  await three.clock.advance(evictionSettleMs);
  t.deepEqual(three.evicting(), ['n0', 'n1']);
  const one = fleet(1);
  one.pace.set('n0', 'gone');
  await one.clock.advance(60_000);
  t.deepEqual(one.evicting(), []);
});

test('a new leader goes on with what the one before it began', async (t) => {
  const { clock, pace, told } = fleet(0);
  pace.set('n0', 'gone', true);
  pace.set('n1', 'ready');
  await clock.advance(0);
  t.true(pace.mayEvict('n0'));
  t.deepEqual(told, []);
});

test('most of 5,000 nodes fail within seconds, as fast as etcd tells of them: none of them loses its pods', async (t) => {
  const { clock, names, pace, evicting, told } = fleet(5_000);
  for (let at = 0; at < 3_000; at += 500) {
    for (const name of names.slice(at, at + 500)) pace.set(name, 'gone');
    await clock.advance(500);
  }
  t.true(pace.isOutage);
  await clock.advance(3_600_000);
  t.deepEqual(evicting(), []);
  t.deepEqual(told, []);
});

test('a node that others join in failing waits for them, but not for ever', async (t) => {
  const { clock, pace, evicting } = fleet(20);
  pace.set('n0', 'gone');
  const startMs = clock.monotonicMs();
  while (evicting().length === 0) {
    await clock.advance(500);
    pace.set('n1', 'ready');
    pace.set('n1', 'gone');
  }
  t.is(clock.monotonicMs() - startMs, evictionSettleMsMax);
  t.deepEqual(evicting(), ['n0']);
});

test('a node that says it is not ready keeps its pods much longer, holds up nobody, and loses them as any other once it is gone', async (t) => {
  const { clock, pace, evicting } = fleet(6);
  pace.set('n0', 'notReady');
  pace.set('n1', 'notReady');
  await clock.advance(evictionSettleMs);
  pace.set('n2', 'gone');
  await clock.advance(evictionSettleMs);
  t.deepEqual(evicting(), ['n2']);
  pace.set('n1', 'gone');
  await clock.advance(evictionSettleMs);
  t.deepEqual(evicting(), ['n1', 'n2']);
  await clock.advance(evictionNotReadySettleMs);
  t.deepEqual(evicting(), ['n0', 'n1', 'n2']);
});
