import test from 'ava';
import { Feed } from '../../../../controller/nodes/feed.ts';
import type { Outbox } from '../../../../controller/nodes/outbox.ts';
import type { Reader } from '../../../../controller/store/reader.ts';
import type { Change, Stored } from '../../../../controller/store/stored.ts';
import { configMapKind, endpointSliceKind, nodeKind, podKind, secretKind, serviceAccountKind, serviceKind } from '../../../../proto/kinds.ts';
import type { Kind } from '../../../../proto/kinds.ts';
import type { KubeObject } from '../../../../proto/resources/kubernetes.ts';

/** A cache of a few objects, whose changes the test makes. */
class TestCache {
  readonly #objects = new Map<string, Stored>();
  readonly #subscribers: { readonly kinds: readonly Kind[]; readonly onChanges: (changes: readonly Change[]) => void }[] = [];

  readonly reader = {
    get: (kind: Kind, key: string) => this.#objects.get(`${kind.kind}/${key}`),
    indexed: (_kind: Kind, _index: string, node: string) => [...this.#objects.values()].filter(({ object }) => (object['spec'] as { nodeName?: string } | undefined)?.nodeName === node),
    subscribe: (kinds: readonly Kind[], onChanges: (changes: readonly Change[]) => void) => {
      this.#subscribers.push({ kinds, onChanges });
      return { close: () => undefined };
    },
  } as unknown as Reader;

  put(kind: Kind, object: Pick<KubeObject, 'metadata'> & { readonly [field: string]: unknown }): void {
    const key = object.metadata.namespace ? `${object.metadata.namespace}/${object.metadata.name}` : String(object.metadata.name);
    const stored: Stored = { kind, key, object: { apiVersion: 'v1', kind: kind.kind, ...object } as KubeObject, revision: 1, bytes: Buffer.alloc(0) };
    const previous = this.#objects.get(`${kind.kind}/${key}`);
    this.#objects.set(`${kind.kind}/${key}`, stored);
    this.#tell({ type: previous ? 'MODIFIED' : 'ADDED', stored, previous });
  }

  delete(kind: Kind, key: string): void {
    const stored = this.#objects.get(`${kind.kind}/${key}`);
    if (!stored) throw new Error(`no ${key}`);
    this.#objects.delete(`${kind.kind}/${key}`);
    this.#tell({ type: 'DELETED', stored, previous: stored });
  }

  #tell(change: Change): void {
    for (const { kinds, onChanges } of this.#subscribers) if (kinds.includes(change.stored.kind)) onChanges([change]);
  }
}

const recording = () => {
  const sent: string[] = [];
  const outbox = {
    beginComplete: () => void sent.push('begin'),
    putPod: (uid: string, stored: Stored | undefined) => void sent.push(`${stored ? '+' : '-'}pod ${uid}`),
    putObject: ({ object }: Stored) => void sent.push(`+${object.kind} ${object.metadata.name}`),
    follow: () => undefined,
    networkChanged: () => void sent.push('network'),
    removeObject: ({ kind, name }: { kind: string; name: string }) => void sent.push(`-${kind} ${name}`),
  } as unknown as Outbox;
  return { outbox, take: () => sent.splice(0) };
};
const named = (name: string) => ({ metadata: { name, namespace: 'ns' } });
const pod = (name: string, uid: string, secret: string, nodeName = 'n') => ({
  metadata: { name, namespace: 'ns', uid },
  spec: { nodeName, serviceAccountName: 'sa', containers: [{ name: 'm', envFrom: [{ secretRef: { name: secret } }] }] },
});

test('a node is sent what its pods name, the pull secrets of their service accounts too, and is told when nobody names it any more', (t) => {
  const cache = new TestCache();
  const feed = new Feed(cache.reader);
  const { outbox, take } = recording();
  cache.put(secretKind, named('password'));
  cache.put(secretKind, named('registry'));
  cache.put(serviceAccountKind, { ...named('sa'), imagePullSecrets: [{ name: 'registry' }] });
  cache.put(podKind, pod('one', 'u1', 'password'));
  feed.open('n', outbox, () => undefined);
  t.deepEqual(take(), ['begin', '+ServiceAccount sa', '+Secret registry', '+Secret password', '+pod u1']);

  cache.put(podKind, pod('two', 'u2', 'password'));
  t.deepEqual(take(), ['+pod u2'], 'what is there already is not sent again');
  cache.delete(podKind, 'ns/one');
  t.deepEqual(take(), ['-pod u1']);
  cache.delete(podKind, 'ns/two');
  t.deepEqual(take(), ['-pod u2', '-ServiceAccount sa', '-Secret registry', '-Secret password']);
  cache.put(secretKind, named('password'));
  t.deepEqual(take(), []);
});

test('an object that comes after its pod is sent when it comes, and its going is told', (t) => {
  const cache = new TestCache();
  const feed = new Feed(cache.reader);
  const { outbox, take } = recording();
  feed.open('n', outbox, () => undefined);
  cache.put(podKind, pod('one', 'u1', 'late'));
  t.deepEqual(take(), ['begin', '+pod u1']);
  cache.put(secretKind, named('late'));
  cache.put(configMapKind, named('late'));
  t.deepEqual(take(), ['+Secret late']);
  cache.delete(secretKind, 'ns/late');
  t.deepEqual(take(), ['-Secret late']);
});

test('a pod that takes the name of another between two reads of the cache is another pod', (t) => {
  const cache = new TestCache();
  const feed = new Feed(cache.reader);
  const { outbox, take } = recording();
  feed.open('n', outbox, () => undefined);
  cache.put(podKind, pod('one', 'u1', 's'));
  take();
  cache.put(podKind, pod('one', 'u2', 's'));
  t.deepEqual(take(), ['-pod u1', '-ServiceAccount sa', '-Secret s', '+pod u2']);
});

test('a closed feed is sent nothing, and other nodes\' pods never', (t) => {
  const cache = new TestCache();
  const feed = new Feed(cache.reader);
  const { outbox, take } = recording();
  const subscription = feed.open('n', outbox, () => undefined);
  cache.put(podKind, pod('one', 'u1', 's', 'elsewhere'));
  t.deepEqual(take(), ['begin']);
  cache.put(podKind, pod('two', 'u2', 's'));
  take();
  subscription.close();
  cache.put(secretKind, named('s'));
  cache.put(podKind, pod('three', 'u3', 's'));
  t.deepEqual(take(), []);
});

test('a node that gets its subnet is told to who waits for it, and its deletion to its session', async (t) => {
  const cache = new TestCache();
  const feed = new Feed(cache.reader);
  let deleted = 0;
  const onDeleted = (): void => void (deleted += 1);
  cache.put(nodeKind, { metadata: { name: 'n' } });
  const waiting = feed.node('n', ({ spec }) => spec?.podCIDR !== undefined, onDeleted, new AbortController().signal);
  t.is(deleted, 0);
  cache.put(nodeKind, { metadata: { name: 'n' }, spec: { podCIDR: '10.0.0.0/24' } });
  t.is((await waiting).spec?.podCIDR, '10.0.0.0/24');
  feed.open('n', recording().outbox, onDeleted);
  cache.delete(nodeKind, 'n');
  t.is(deleted, 1);
  const leave = new AbortController();
  cache.put(nodeKind, { metadata: { name: 'm' } });
  const left = feed.node('m', () => false, onDeleted, leave.signal);
  leave.abort(new Error('left'));
  await t.throwsAsync(left, { message: 'left' });
});

test('who waits for a node’s subnet is told that the node is deleted, before he waits and while he does', async (t) => {
  const cache = new TestCache();
  const feed = new Feed(cache.reader);
  let deleted = 0;
  const leave = new AbortController();
  const wait = (): Promise<unknown> => feed.node('n', ({ spec }) => spec?.podCIDR !== undefined, () => void (deleted += 1), leave.signal);
  const absent = wait();
  t.is(deleted, 1);
  cache.put(nodeKind, { metadata: { name: 'n' } });
  const present = wait();
  t.is(deleted, 1);
  cache.delete(nodeKind, 'n');
  t.is(deleted, 3);
  leave.abort(new Error('left'));
  for (const each of [absent, present]) await t.throwsAsync(each, { message: 'left' });
});

test('all nodes hear of a service, until their feed is closed', (t) => {
  const cache = new TestCache();
  const feed = new Feed(cache.reader);
  const [one, other] = [recording(), recording()];
  const subscription = feed.open('one', one.outbox, () => undefined);
  feed.open('other', other.outbox, () => undefined);
  cache.put(serviceKind, named('web'));
  t.deepEqual([one.take(), other.take()], [['begin', 'network'], ['begin', 'network']]);
  subscription.close();
  cache.put(endpointSliceKind, named('web-1'));
  t.deepEqual([one.take(), other.take()], [[], ['network']]);
});
