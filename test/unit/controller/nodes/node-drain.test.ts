import test from 'ava';
import { cordoned, drainedAnnotation, uncordoned } from '../../../../controller/nodes/node-drain.ts';
import type { Node } from '../../../../proto/resources/kubernetes.ts';

const node = (unschedulable?: boolean, annotations: Record<string, string> = {}): Node =>
  ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', annotations }, spec: { podCIDR: '10.244.0.0/24', ...(unschedulable === undefined ? {} : { unschedulable }) } });

test('a node that is cordoned for its agent’s end is uncordoned when it is back, and keeps all else', (t) => {
  const during = cordoned(node(undefined, { other: 'x' }));
  t.like(during, { spec: { unschedulable: true, podCIDR: '10.244.0.0/24' }, metadata: { annotations: { other: 'x', [drainedAnnotation]: 'true' } } });
  t.deepEqual(uncordoned(during as Node), node(undefined, { other: 'x' }));
});

test('one that a person cordoned is left as it is, before and after', (t) => {
  t.is(cordoned(node(true)), undefined);
  t.is(uncordoned(node(true)), undefined);
  t.is(uncordoned(node()), undefined);
});
