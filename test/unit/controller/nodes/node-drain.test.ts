import test from 'ava';
import type { Verbs } from '../../../../controller/api/verbs.ts';
import { cordoned, drainedAnnotation, NodeDrain, uncordoned } from '../../../../controller/nodes/node-drain.ts';
import type { Reader } from '../../../../controller/store/reader.ts';
import type { Change, Stored } from '../../../../controller/store/stored.ts';
import { ApiError } from '../../../../proto/errors.ts';
import { podKind } from '../../../../proto/kinds.ts';
import type { Node, Pod } from '../../../../proto/resources/kubernetes.ts';
import { ManualClock, settle } from '../../../fixtures/manual-clock.ts';

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

const pod: Stored<Pod> = {
  kind: podKind, key: 'ns/p', revision: 1, bytes: Buffer.alloc(0),
  object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns', uid: 'u' }, spec: { nodeName: 'n', containers: [] } },
};

/** A drain of a node with one pod, and the cache that it looks at. */
const drainOf = (verbs: Partial<Verbs>) => {
  const clock = new ManualClock();
  const subscribers = new Set<(changes: readonly Change[]) => void>();
  let present = [pod];
  const reader = {
    get: () => present[0],
    indexed: () => present,
    subscribe: (_kinds: unknown, onChanges: (changes: readonly Change[]) => void) => {
      subscribers.add(onChanges);
      return { close: () => void subscribers.delete(onChanges) };
    },
  } as unknown as Reader;
  const drain = new NodeDrain('n', { reader, verbs: { modify: async () => undefined, ...verbs } as unknown as Verbs, clock, options: { user: { name: 'u', groups: [] }, fieldManager: 'm' } });
  const podGoes = (): void => {
    present = [];
    for (const tell of subscribers) tell([{ type: 'DELETED', stored: pod, previous: pod }]);
  };
  return { drain, clock, subscribers, podGoes };
};

test('a session that ends while the node is being cordoned leaves nothing behind', async (t) => {
  const cordoning = Promise.withResolvers<never>();
  const ended = new AbortController();
  const { drain, subscribers } = drainOf({ modify: () => cordoning.promise, evict: () => Promise.reject(new Error('nobody evicts any more')) });
  const running = drain.run(ended.signal);
  ended.abort(new Error('ended'));
  cordoning.resolve(undefined as never);
  await t.throwsAsync(running, { message: 'ended' });
  t.is(subscribers.size, 0);
});

test('an eviction that etcd was too slow for is asked for again', async (t) => {
  let asked = 0;
  const { drain, clock, podGoes } = drainOf({
    evict: async () => {
      asked += 1;
      if (asked === 1) throw new ApiError('Timeout', 'too slow');
      podGoes();
      return { stored: pod, gone: true };
    },
  });
  const running = drain.run(new AbortController().signal);
  await settle();
  await clock.advance(60_000);
  await running;
  t.is(asked, 2);
});
