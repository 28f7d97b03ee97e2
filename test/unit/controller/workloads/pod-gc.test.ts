import test from 'ava';
import type { Change } from '../../../../controller/store/stored.ts';
import { PodGarbageCollector } from '../../../../controller/workloads/pod-gc.ts';
import { podKind, serviceAccountKind } from '../../../../proto/kinds.ts';
import { silentLog } from '../../../../proto/process/log.ts';
import type { Pod } from '../../../../proto/resources/kubernetes.ts';
import { startControlPlane } from '../../../fixtures/control-plane.ts';
import { podObject } from '../../../fixtures/loop-objects.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

test('a pod on a node that does not exist is removed after a quarantine, in which the node may come', async (t) => {
  const clock = new ManualClock();
  const plane = await startControlPlane(t, new MemoryKv(), { clock });
  await plane.until('the namespace can be used', () => plane.reader.get(serviceAccountKind, 'default/default') !== undefined);
  for (const node of ['ghost', 'late']) {
    const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: `on-${node}`, namespace: 'default' }, spec: { nodeName: node, containers: [{ name: 'main', image: 'app:1' }] } };
    await plane.create(podKind, pod);
  }
  await clock.advance(30_000);
  await plane.addNode('late');
  t.truthy(plane.reader.get(podKind, 'default/on-ghost'));
  await clock.advance(11_000);
  await plane.until('it is gone', () => plane.reader.get(podKind, 'default/on-ghost') === undefined);
  t.truthy(plane.reader.get(podKind, 'default/on-late'));
});

test('finished pods beyond the bound are named once each, those first that ended first', (t) => {
  const collector = new PodGarbageCollector(
    {
      reader: { get: () => ({}), indexed: () => [] } as never,
      verbs: {} as never,
      recorder: { record: () => undefined },
      clock: new ManualClock(),
      log: silentLog,
    },
    2,
  );
  const ended = (name: string): Change => {
    const object = podObject(name, { node: 'n', phase: 'Succeeded' });
    return { type: 'MODIFIED', stored: { kind: podKind, key: name, object, revision: 1, bytes: Buffer.alloc(0) }, previous: undefined };
  };
  t.deepEqual(['a', 'b', 'c', 'd'].map((name) => [...collector.keysOf(ended(name))]), [[], [], ['a'], ['b']]);
});
