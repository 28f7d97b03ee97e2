import test from 'ava';
import { subnetRestMs } from '../../../../controller/limits.ts';
import { SubnetPool, SubnetRange } from '../../../../controller/workloads/subnet-pool.ts';

const range = new SubnetRange('10.244.0.0/22', 24);
const poolWith = (...nodes: readonly string[]): SubnetPool => {
  const pool = new SubnetPool(range);
  for (const node of nodes) pool.take(pool.pick(node, 0) ?? '', node);
  return pool;
};

test('the subnet of a node that is gone rests, and only that node gets it meanwhile', (t) => {
  const pool = poolWith('a', 'b', 'c', 'd');
  t.is(pool.pick('e', 0), undefined);
  pool.free('b', 1_000);
  t.is(pool.pick('e', 1_000 + subnetRestMs - 1), undefined);
  t.is(pool.pick('b', 1_000), '10.244.1.0/24', 'made anew it has what its pods have');
  t.is(pool.pick('e', 1_000 + subnetRestMs), '10.244.1.0/24');
});

test('a subnet that was freed is used again last', (t) => {
  const pool = poolWith('a', 'b');
  pool.free('a', 0);
  t.deepEqual(['c', 'd', 'e'].map((node) => {
    const subnet = pool.pick(node, subnetRestMs);
    if (subnet) pool.take(subnet, node);
    return subnet;
  }), ['10.244.2.0/24', '10.244.3.0/24', '10.244.0.0/24']);
});

test('a subnet is found by an address of it', (t) => {
  t.deepEqual(['10.244.0.7', '10.244.3.255', '10.244.4.0', '10.243.255.255', 'fd00::1'].map((address) => range.of(address)), ['10.244.0.0/24', '10.244.3.0/24', undefined, undefined, undefined]);
});
