import test from 'ava';
import { Cluster, footprintOf } from '../../../../controller/scheduler/snapshot.ts';
import { nodeObject, podObject } from '../../../fixtures/loop-objects.ts';

const requestedOn = (cluster: Cluster, name: string): number | undefined =>
  cluster.snapshot().find(({ node }) => node.metadata.name === name)?.requested['cpu'];

test('a pod counts once, from its assumption to its end', (t) => {
  const cluster = new Cluster();
  cluster.setNode(nodeObject('n1'));
  const pod = podObject('p', { requests: { cpu: '1' } });
  cluster.assume(footprintOf(pod), 'n1');
  t.is(requestedOn(cluster, 'n1'), 1000);
  const bound = podObject('p', { requests: { cpu: '1' }, node: 'n1' });
  cluster.setPod(bound);
  cluster.setPod(bound);
  t.is(requestedOn(cluster, 'n1'), 1000);
  cluster.setPod({ ...bound, status: { phase: 'Succeeded' } });
  t.is(requestedOn(cluster, 'n1'), undefined);
});

test('a pod that turns out to be on another node than assumed counts there', (t) => {
  const cluster = new Cluster();
  for (const name of ['n1', 'n2']) cluster.setNode(nodeObject(name));
  cluster.assume(footprintOf(podObject('p', { requests: { cpu: '1' } })), 'n1');
  cluster.setPod(podObject('p', { requests: { cpu: '1' }, node: 'n2' }));
  t.is(requestedOn(cluster, 'n1'), undefined);
  t.is(requestedOn(cluster, 'n2'), 1000);
});

test('pods that are seen before their node count when it comes, and it may come back', (t) => {
  const cluster = new Cluster();
  cluster.setPod(podObject('p', { requests: { cpu: '1' }, node: 'n1' }));
  t.is(cluster.snapshot().length, 0);
  cluster.setNode(nodeObject('n1'));
  t.is(requestedOn(cluster, 'n1'), 1000);
  cluster.removeNode('n1');
  t.is(cluster.snapshot().length, 0);
  cluster.setNode(nodeObject('n1'));
  t.is(requestedOn(cluster, 'n1'), 1000);
});

test('a snapshot does not change, and the next one makes anew only the views of nodes that changed', (t) => {
  const cluster = new Cluster();
  for (const name of ['n1', 'n2']) cluster.setNode(nodeObject(name));
  const before = cluster.snapshot();
  t.is(cluster.snapshot(), before);
  cluster.setPod(podObject('p', { requests: { cpu: '1' }, node: 'n1' }));
  const after = cluster.snapshot();
  t.is(before[0]?.pods, 0);
  t.is(after[0]?.pods, 1);
  t.is(after[1], before[1]);
});
