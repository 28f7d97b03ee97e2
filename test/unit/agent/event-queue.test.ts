import test from 'ava';
import { EventQueue } from '../../../agent/event-queue.ts';
import { eventsPerFrameMax, eventsQueuedMax } from '../../../agent/limits.ts';
import type { Pod } from '../../../proto/resources/kubernetes.ts';

const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'ns', uid: 'u' } };

test('an event names its pod and the container that it is about', (t) => {
  const queue = new EventQueue();
  queue.add({ pod, type: 'Warning', reason: 'BackOff', message: 'm', fieldPath: 'spec.containers{main}' });
  const [event] = queue.take();
  t.like(JSON.parse(String(event?.about)), { kind: 'Pod', name: 'web', namespace: 'ns', uid: 'u', fieldPath: 'spec.containers{main}' });
  t.is(event?.reason, 'BackOff');
});

test('while no session takes them the newest events are kept', (t) => {
  const queue = new EventQueue();
  for (let index = 0; index < eventsQueuedMax + 5; index += 1) queue.add({ pod, type: 'Normal', reason: 'R', message: `${index}` });
  const first = queue.take();
  t.is(first.length, eventsPerFrameMax);
  t.is(first[0]?.message, '5');
});
