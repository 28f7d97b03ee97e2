import test from 'ava';
import { nodeReturnGraceMs } from '../../../../controller/limits.ts';
import { nodeKind, serviceAccountKind } from '../../../../proto/kinds.ts';
import { conditionOf } from '../../../../proto/resources/conditions.ts';
import type { Node } from '../../../../proto/resources/kubernetes.ts';
import { startControlPlane } from '../../../fixtures/control-plane.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

test('a new leader gives nodes time to come back, and one that was alive in its term none', async (t) => {
  const clock = new ManualClock();
  const plane = await startControlPlane(t, new MemoryKv(), { clock });
  const readyOf = (name: string): string | undefined => conditionOf(plane.reader.get<Node>(nodeKind, name)?.object.status, 'Ready')?.status;
  await plane.until('the namespace can be used', () => plane.reader.get(serviceAccountKind, 'default/default') !== undefined);
  for (const name of ['n1', 'n2']) await plane.addNode(name);
  plane.stop();
  plane.liveness.set('n1', false);
  plane.lead();
  await clock.advance(nodeReturnGraceMs - 1);
  t.is(readyOf('n1'), 'True');
  plane.liveness.set('n2', false);
  await plane.until('the one that was alive is unknown', () => readyOf('n2') === 'Unknown');
  t.is(readyOf('n1'), 'True');
  await clock.advance(1);
  await plane.until('the other one is unknown, too', () => readyOf('n1') === 'Unknown');
});
