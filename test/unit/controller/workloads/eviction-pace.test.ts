import test from 'ava';
import { evictionBurstNodes, evictionNodeIntervalMs, evictionSettleMs, nodeReturnGraceMs } from '../../../../controller/limits.ts';
import { EvictionPace } from '../../../../controller/workloads/eviction-pace.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

const fleet = (size: number) => {
  const clock = new ManualClock();
  const told: string[] = [];
  const names = Array.from({ length: size }, (_, at) => `n${at}`);
  const pace = new EvictionPace(clock, (node) => told.push(node));
  for (const name of names) pace.set(name, true);
  const evicting = (): string[] => names.filter((name) => pace.mayEvict(name));
  return { clock, told, names, pace, evicting };
};

test('a node loses its pods when it has failed for a moment, and keeps them when it is back before', async (t) => {
  const { clock, pace, evicting, told } = fleet(3);
  pace.set('n1', false);
  await clock.advance(evictionSettleMs - 1);
  t.deepEqual(evicting(), []);
  await clock.advance(1);
  t.deepEqual(evicting(), ['n1']);
  t.deepEqual(told, ['n1']);
  pace.set('n1', true);
  t.deepEqual(evicting(), []);
  pace.set('n1', false);
  await clock.advance(evictionSettleMs - 1);
  pace.set('n1', true);
  await clock.advance(60_000);
  t.deepEqual(evicting(), []);
});

test('of 2,000 nodes of 5,000 a few lose their pods at once and then one each second; those that come back cost no turn', async (t) => {
  const { clock, names, pace, evicting } = fleet(5_000);
  for (const name of names.slice(0, 2_000)) pace.set(name, false);
  await clock.advance(evictionSettleMs);
  t.is(evicting().length, evictionBurstNodes);
  await clock.advance(10 * evictionNodeIntervalMs);
  t.is(evicting().length, evictionBurstNodes + 10);
  for (const name of names.slice(0, 2_000)) pace.set(name, true);
  await clock.advance(evictionBurstNodes * evictionNodeIntervalMs);
  pace.set('n4000', false);
  await clock.advance(evictionSettleMs);
  t.deepEqual(evicting(), ['n4000']);
});

test('nobody loses pods while most nodes fail, and who still fails afterwards has to settle anew', async (t) => {
  const { clock, pace, evicting, told } = fleet(5);
  pace.set('n0', false);
  await clock.advance(evictionSettleMs);
  t.deepEqual(evicting(), ['n0']);
  pace.set('n1', false);
  pace.set('n2', false);
  await clock.advance(0);
  t.true(pace.isOutage);
  t.deepEqual(evicting(), []);
  t.deepEqual(told, ['n0', 'n0']);
  await clock.advance(3_600_000);
  t.deepEqual(evicting(), []);
  pace.set('n1', true);
  await clock.advance(nodeReturnGraceMs - 1);
  t.deepEqual(evicting(), []);
  await clock.advance(1);
  t.deepEqual(evicting().toSorted(), ['n0', 'n2']);
});

test('two of three nodes are no outage, the only one is', async (t) => {
  const three = fleet(3);
  three.pace.set('n0', false);
  three.pace.set('n1', false);
  await three.clock.advance(evictionSettleMs);
  t.deepEqual(three.evicting(), ['n0', 'n1']);
  const one = fleet(1);
  one.pace.set('n0', false);
  await one.clock.advance(60_000);
  t.deepEqual(one.evicting(), []);
});

test('a new leader goes on with what the one before it began', async (t) => {
  const { clock, pace, told } = fleet(0);
  pace.set('n0', false, true);
  pace.set('n1', true);
  await clock.advance(0);
  t.true(pace.mayEvict('n0'));
  t.deepEqual(told, []);
});
