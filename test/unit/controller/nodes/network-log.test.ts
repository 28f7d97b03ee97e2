import test from 'ava';
import { NetworkLog } from '../../../../controller/nodes/network-log.ts';
import type { NetworkReader } from '../../../../controller/nodes/network-log.ts';
import type { Reader } from '../../../../controller/store/reader.ts';
import type { Change, ChangeType } from '../../../../controller/store/stored.ts';
import { endpointSliceKind, nodeKind, serviceKind } from '../../../../proto/kinds.ts';
import type { Kind } from '../../../../proto/kinds.ts';
import { nodeService } from '../../../../proto/node-service.ts';
import type { KubeObject } from '../../../../proto/resources/kubernetes.ts';

const setUp = () => {
  let onChanges: (changes: readonly Change[]) => void = () => undefined;
  const reader = {
    subscribe: (_kinds: readonly Kind[], callback: typeof onChanges) => {
      onChanges = callback;
      return { close: () => undefined };
    },
  } as unknown as Reader;
  const log = new NetworkLog(reader);
  const change = (kind: Kind, name: string, text = name, type: ChangeType = 'MODIFIED', more: Partial<KubeObject> = {}): Change => {
    const metadata = kind === nodeKind ? { name } : { name, namespace: 'ns' };
    const object = { apiVersion: kind.apiVersion, kind: kind.kind, metadata, ...more } as KubeObject;
    return { type, stored: { kind, key: kind === nodeKind ? name : `ns/${name}`, object, revision: 1, bytes: Buffer.from(text) }, previous: undefined };
  };
  return { log, change, put: (...changes: Change[]) => onChanges(changes) };
};
/** What the next frame says; undefined when there is none. */
const say = (reader: NetworkReader): string | undefined => {
  const next = reader.next();
  if (next === undefined) return undefined;
  const frame = nodeService.session.responseDeserialize(next.bytes);
  if (frame.frame !== 'network') return frame.frame;
  const { services, slices, removed, peers, removedPeers, complete } = frame.network;
  const parts = [...services, ...slices].map((bytes) => String(bytes).slice(0, 8));
  const gone = [...removed.map(({ name }) => name), ...removedPeers].map((name) => `-${name}`);
  return [...parts, ...peers.map(({ name, address, podCidr }) => `${name}@${address}/${podCidr}`), ...gone, ...(complete ? ['complete'] : [])].join(' ');
};
const node = (address?: string, podCIDR?: string): Partial<KubeObject> => ({ spec: { podCIDR }, status: { addresses: address ? [{ type: 'InternalIP', address }] : [] } });

test('a session begins with everything, and then gets what changes', (t) => {
  const { log, change, put } = setUp();
  const empty = log.open(() => undefined);
  t.is(say(empty), 'complete', 'an agent is told that there is nothing');
  put(change(serviceKind, 'a'), change(endpointSliceKind, 'a-1'));
  put(change(serviceKind, 'a', 'a2'));
  let changes = 0;
  const reader = log.open(() => void (changes += 1));
  t.is(say(reader), 'a2 a-1 complete');
  t.is(say(reader), undefined);
  put(change(endpointSliceKind, 'a-1', 'a-1b'), change(serviceKind, 'a', 'a', 'DELETED'));
  t.is(changes, 1);
  t.is(say(reader), 'a-1b -a');
  t.is(say(empty), 'a-1b -a', 'the latest of each, whatever came between');
  reader.close();
  put(change(serviceKind, 'b'));
  t.is(changes, 1);
});

test('a frame is serialized once for all who stand at the same place', (t) => {
  const { log, change, put } = setUp();
  const readers = [log.open(() => undefined), log.open(() => undefined), log.open(() => undefined)];
  for (const reader of readers) reader.next();
  put(change(serviceKind, 'a'));
  const frames = new Set(readers.slice(1).map((reader) => reader.next()));
  t.is(frames.size, 1);
  put(change(serviceKind, 'b'));
  t.deepEqual(readers.map(say), ['a b', 'b', 'b'], 'who is late gets all that it has missed');
});

test('a large state is cut into frames; what changes meanwhile comes before it is complete', (t) => {
  const { log, change, put } = setUp();
  const large = (text: string): string => text.padEnd(300 * 1024, '.');
  put(change(serviceKind, 'a', large('a')), change(serviceKind, 'b', large('b')), change(serviceKind, 'c', large('c')));
  const reader = log.open(() => undefined);
  t.is(say(reader), 'a.......');
  put(change(serviceKind, 'a', 'a2'), change(serviceKind, 'b', 'b', 'DELETED'));
  t.deepEqual([say(reader), say(reader)], ['c....... a2 -b complete', undefined]);
});

test('nodes are told with address and subnet, and only when these change', (t) => {
  const { log, change, put } = setUp();
  const reader = log.open(() => undefined);
  reader.next();
  put(change(nodeKind, 'n', '', 'ADDED', node('10.0.0.1')));
  t.is(say(reader), undefined);
  put(change(nodeKind, 'n', '', 'MODIFIED', node('10.0.0.1', '10.244.0.0/24')));
  t.is(say(reader), 'n@10.0.0.1/10.244.0.0/24');
  put(change(nodeKind, 'n', '', 'MODIFIED', { ...node('10.0.0.1', '10.244.0.0/24'), metadata: { name: 'n', resourceVersion: '9' } }));
  t.is(say(reader), undefined);
  put(change(nodeKind, 'n', '', 'MODIFIED', node('10.0.0.2', '10.244.0.0/24')));
  t.is(say(reader), 'n@10.0.0.2/10.244.0.0/24');
  put(change(nodeKind, 'n', '', 'DELETED'), change(nodeKind, 'unknown', '', 'DELETED'));
  t.is(say(reader), '-n');
});

test('neither what was replaced nor what is gone piles up, and a slow session still hears of it', (t) => {
  const { log, change, put } = setUp();
  put(change(serviceKind, 'gone'));
  const slow = log.open(() => undefined);
  slow.next();
  put(change(serviceKind, 'gone', '', 'DELETED'));
  for (let round = 0; round < 5_000; round += 1) put(change(serviceKind, 'busy', `busy${round}`), change(serviceKind, `once${round}`), change(serviceKind, `once${round}`, '', 'DELETED'));
  const heard = new Set([say(slow), say(slow), say(slow)].join(' ').split(' '));
  t.deepEqual(['-gone', '-once0', '-once4999', 'busy4999', 'busy4998'].map((word) => heard.has(word)), [true, true, true, true, false]);
  for (let round = 0; round < 5_000; round += 1) put(change(serviceKind, 'busy', `busy${round}`));
  t.is(say(log.open(() => undefined)), 'busy4999 complete');
});
