import test from 'ava';
import { deletionOrder } from '../../../../controller/workloads/deletion-order.ts';
import { timestamp } from '../../../../proto/process/clock.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import type { Pod } from '../../../../proto/resources/kubernetes.ts';

const nowMs = Date.parse('2026-01-02T00:00:00Z');
const hoursAgo = (hours: number): string => timestamp(nowMs - hours * 3_600_000);

interface Traits {
  readonly node?: string;
  readonly phase?: string;
  readonly readyForHours?: number;
  readonly cost?: string;
  readonly restarts?: number;
  readonly sidecarRestarts?: number;
  readonly ageHours?: number;
}

const pod = (name: string, traits: Traits = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    uid: name,
    creationTimestamp: hoursAgo(traits.ageHours ?? 10),
    ...(traits.cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': traits.cost } }),
  },
  spec: { containers: [], initContainers: [{ name: 'side', restartPolicy: 'Always' }], ...(traits.node === undefined ? {} : { nodeName: traits.node }) },
  status: {
    phase: traits.phase ?? 'Running',
    conditions: traits.readyForHours === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: hoursAgo(traits.readyForHours) }],
    containerStatuses: [{ name: 'main', image: '', imageID: '', ready: true, restartCount: traits.restarts ?? 0 }],
    initContainerStatuses: [{ name: 'side', image: '', imageID: '', ready: true, restartCount: traits.sidecarRestarts ?? 0 }],
  },
});

const rules: [string, Pod, Pod][] = [
  ['unassigned before assigned', pod('first', { readyForHours: 9 }), pod('second', { node: 'n' })],
  ['pending before unknown', pod('first', { node: 'n', phase: 'Pending' }), pod('second', { node: 'n', phase: 'Unknown' })],
  ['unknown before running', pod('first', { node: 'n', phase: 'Unknown' }), pod('second', { node: 'n' })],
  ['not ready before ready', pod('first', { node: 'n', cost: '5' }), pod('second', { node: 'n', readyForHours: 1, cost: '1' })],
  ['lower cost first', pod('first', { node: 'n', readyForHours: 9, cost: '-1' }), pod('second', { node: 'n', readyForHours: 1 })],
  ['ready for a shorter time first', pod('first', { node: 'n', readyForHours: 1 }), pod('second', { node: 'n', readyForHours: 9, restarts: 9 })],
  ['more restarts first', pod('first', { node: 'n', readyForHours: 1, restarts: 3 }), pod('second', { node: 'n', readyForHours: 1, ageHours: 1 })],
  ['more restarts of sidecars first', pod('first', { node: 'n', readyForHours: 1, sidecarRestarts: 3 }), pod('second', { node: 'n', readyForHours: 1, ageHours: 1 })],
  ['younger first', pod('first', { node: 'n', ageHours: 1 }), pod('second', { node: 'n', ageHours: 9 })],
  ['alike in age by uid', pod('a', { node: 'n', ageHours: 9.1 }), pod('b', { node: 'n', ageHours: 9 })],
];

for (const [title, first, second] of rules) {
  test(`goes by ${title}`, (t) => {
    t.deepEqual(deletionOrder([second, first], [], nowMs).map(({ metadata }) => metadata.name), [first.metadata.name, second.metadata.name]);
    t.deepEqual(deletionOrder([first, second], [], nowMs).map(({ metadata }) => metadata.name), [first.metadata.name, second.metadata.name]);
  });
}

test('goes by crowding on a node, counting the pods of sibling sets', (t) => {
  const alone = pod('alone', { node: 'n1', readyForHours: 1 });
  const crowded = pod('crowded', { node: 'n2', readyForHours: 9 });
  const sibling = pod('sibling', { node: 'n2' });
  t.deepEqual(deletionOrder([alone, crowded], [alone, crowded, sibling], nowMs).map(({ metadata }) => metadata.name), ['crowded', 'alone']);
});

test('ignores a cost that is not a whole number', (t) => {
  const odd = pod('odd', { node: 'n', readyForHours: 9, cost: '-1.5' });
  const young = pod('young', { node: 'n', readyForHours: 1 });
  t.is(deletionOrder([odd, young], [], nowMs)[0], young);
});

test('does not depend on the order in which pods are given', (t) => {
  const random = seededRandom(11);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T;
  const pods = Array.from({ length: 40 }, (_, index) =>
    pod(`pod-${index}`, {
      node: pick(['', 'n1', 'n2']),
      phase: pick(['Pending', 'Running', 'Unknown']),
      ageHours: pick([1, 3, 9]),
      restarts: pick([0, 2]),
      ...(random.next() < 0.5 ? { readyForHours: pick([0.5, 4]) } : {}),
    }),
  );
  const expected = deletionOrder(pods, pods, nowMs);
  for (let round = 0; round < 20; round += 1) {
    const shuffled = pods.map((item) => ({ item, at: random.next() })).toSorted((a, b) => a.at - b.at).map(({ item }) => item);
    t.deepEqual(deletionOrder(shuffled, pods, nowMs), expected);
  }
});
