import test from 'ava';
import { addressOwners, sandboxOwners, shared } from '../../chaos/ownership.ts';
import type { Pod } from '../../../proto/resources/kubernetes.ts';

const pod = (name: string, podIP: string, phase = 'Running'): Pod => ({ metadata: { name, namespace: 'default', uid: `uid-${name}` }, status: { phase, podIP } }) as Pod;

test('an address of two pods that have not ended is told', (t) => {
  t.deepEqual(shared(addressOwners([pod('a', '10.0.0.1'), pod('b', '10.0.0.2'), pod('c', '10.0.0.1', 'Succeeded')])), []);
  const leaving = { ...pod('d', '10.0.0.1'), metadata: { name: 'd', namespace: 'default', uid: 'uid-d', deletionTimestamp: '2026-01-01T00:00:00Z' } };
  t.deepEqual(shared(addressOwners([pod('a', '10.0.0.1'), leaving])), []);
  t.deepEqual(shared(addressOwners([pod('a', '10.0.0.1'), pod('b', '10.0.0.1')])), ['address 10.0.0.1 is had by default/a (uid-a) and default/b (uid-b)']);
});

test('one pod that runs twice is told, on one node or on two', (t) => {
  const sandbox = { namespace: 'default', name: 'a', uid: 'u', node: 'node-1', id: '1', address: '10.0.0.1' };
  t.deepEqual(shared(sandboxOwners([sandbox])), []);
  t.deepEqual(shared(sandboxOwners([sandbox, { ...sandbox, node: 'node-2', address: '10.0.1.1' }])), ['name default/a is had by u in 1 on node-1 and u in 1 on node-2']);
  t.is(shared(sandboxOwners([sandbox, { ...sandbox, id: '2' }])).length, 2);
});
