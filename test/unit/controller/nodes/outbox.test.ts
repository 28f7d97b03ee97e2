import test from 'ava';
import { Outbox } from '../../../../controller/nodes/outbox.ts';
import type { Stored } from '../../../../controller/store/stored.ts';
import { podKind, secretKind } from '../../../../proto/kinds.ts';
import type { ControllerFrame, SerializedFrame } from '../../../../proto/node-service.ts';

const stored = (kind: 'Pod' | 'Secret', name: string, text = name): Stored => ({
  kind: kind === 'Pod' ? podKind : secretKind,
  key: `ns/${name}`,
  object: { apiVersion: 'v1', kind, metadata: { name, namespace: 'ns', uid: name } },
  revision: 1,
  bytes: Buffer.from(text),
});
const nextTick = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const say = (frame: ControllerFrame | SerializedFrame): string => {
  if (!('frame' in frame)) return `serialized ${String(frame.bytes)}`;
  if (frame.frame === 'pods') return `pods ${frame.pods.pods.map((bytes) => String(bytes).slice(0, 6)).join(',')}${frame.pods.removedUids.map((uid) => ` -${uid}`).join('')}${frame.pods.complete ? ' complete' : ''}`;
  if (frame.frame === 'objects') return `objects ${frame.objects.objects.map(String).join(',')}${frame.objects.removed.map(({ name }) => ` -${name}`).join('')}${frame.objects.complete ? ' complete' : ''}`;
  if (frame.frame === 'acks') return `acks ${frame.acks.acks.map(({ uid, sequence }) => `${uid}:${sequence}`).join(',')}`;
  return frame.frame;
};
const outbox = () => {
  const sent: string[] = [];
  const gate = { open: true };
  const box = new Outbox((frame) => {
    sent.push(say(frame));
    return gate.open;
  });
  return { box, sent, gate };
};

test('objects go before the pods that need them, and the first of each are complete', async (t) => {
  const { box, sent } = outbox();
  box.putPod('a', stored('Pod', 'a'));
  box.putObject(stored('Secret', 's'));
  box.beginComplete();
  box.ack('x', 1);
  await nextTick();
  t.deepEqual(sent, ['objects s complete', 'pods a complete', 'acks x:1']);
  box.putPod('b', stored('Pod', 'b'));
  await nextTick();
  t.deepEqual(sent.slice(3), ['pods b']);
});

test('a node without pods is told so', async (t) => {
  const { box, sent } = outbox();
  box.beginComplete();
  await nextTick();
  t.deepEqual(sent, ['objects  complete', 'pods  complete']);
});

test('what a slow agent has not taken is replaced by what came later', async (t) => {
  const { box, sent, gate } = outbox();
  gate.open = false;
  box.putPod('first', stored('Pod', 'first'));
  await nextTick();
  for (let version = 1; version <= 1_000; version += 1) {
    box.putPod('a', stored('Pod', 'a', `a${version}`));
    box.putPod('b', version % 2 ? stored('Pod', 'b') : undefined);
    box.ack('r', version);
    await Promise.resolve();
  }
  t.deepEqual(sent, ['pods first']);
  gate.open = true;
  box.drained();
  t.deepEqual(sent.slice(1), ['pods a1000 -b', 'acks r:1000']);
});

test('a complete state that is larger than a frame is cut into several, and only the last is complete', async (t) => {
  const { box, sent } = outbox();
  box.beginComplete();
  for (const name of ['a', 'b', 'c']) box.putPod(name, stored('Pod', name, name.repeat(300 * 1024)));
  await nextTick();
  t.deepEqual(sent, ['objects  complete', 'pods aaaaaa', 'pods bbbbbb', 'pods cccccc complete']);
});

test('the network of all nodes goes after the pods, as long as there is some and the agent takes it', async (t) => {
  const { box, sent, gate } = outbox();
  const frames = ['a', 'b', 'c'].map((name) => ({ bytes: Buffer.from(name) }));
  gate.open = false;
  box.putPod('p', stored('Pod', 'p'));
  box.follow(() => frames.shift());
  await nextTick();
  t.deepEqual(sent, ['pods p']);
  gate.open = true;
  box.drained();
  t.deepEqual(sent.slice(1), ['serialized a', 'serialized b', 'serialized c']);
  frames.push({ bytes: Buffer.from('d') });
  box.networkChanged();
  await nextTick();
  t.deepEqual(sent.slice(4), ['serialized d']);
});
