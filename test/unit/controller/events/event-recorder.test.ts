import test from 'ava';
import type { Verbs } from '../../../../controller/api/verbs.ts';
import { EventRecorder } from '../../../../controller/events/event-recorder.ts';
import { eventBurstPerObject, eventRefillMs, eventsQueuedMax } from '../../../../controller/limits.ts';
import { type ApiError, notFound, unavailable } from '../../../../proto/errors.ts';
import { eventKind } from '../../../../proto/kinds.ts';
import { silentLog } from '../../../../proto/process/log.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import type { Event, KubeObject } from '../../../../proto/resources/kubernetes.ts';
import { podObject } from '../../../fixtures/loop-objects.ts';
import { ManualClock, settle } from '../../../fixtures/manual-clock.ts';

/** Keeps events in a map; each write takes a turn of the event loop. */
const start = () => {
  const events = new Map<string, Event>();
  const failures: ApiError[] = [];
  const attempt = async (): Promise<void> => {
    await settle();
    const failure = failures.shift();
    if (failure) throw failure;
  };
  const stored = (object: KubeObject) => ({ kind: eventKind, key: '', object, revision: 1, bytes: Buffer.alloc(0) });
  const verbs = {
    create: async (_kind: unknown, namespace: string, object: Event) => {
      await attempt();
      events.set(`${namespace}/${object.metadata.name}`, object);
      return stored(object);
    },
    modify: async (_kind: unknown, key: string, change: (present: Event) => Event | undefined) => {
      await attempt();
      const present = events.get(key);
      if (present === undefined) throw notFound(eventKind, key);
      events.set(key, change(present) ?? present);
      return stored(present);
    },
  } as unknown as Pick<Verbs, 'create' | 'modify'>;
  const clock = new ManualClock();
  const recorder = new EventRecorder({ verbs, clock, random: seededRandom(1), log: silentLog });
  const tell = (message: string, pod = podObject('p')): void => recorder.record(pod, 'Normal', 'Told', message, { component: 'test' });
  return { events, failures, clock, recorder, tell, all: () => [...events.values()] };
};

test('an event has the shape that Kubernetes gives it', async (t) => {
  const { recorder, all } = start();
  recorder.record(podObject('p'), 'Warning', 'Failed', 'it went wrong', { component: 'agent', host: 'n1' });
  await recorder.flushed();
  const [event] = all();
  t.regex(event?.metadata.name ?? '', /^p\.[0-9a-f]{16}$/);
  t.like(event, {
    apiVersion: 'v1', kind: 'Event', type: 'Warning', reason: 'Failed', message: 'it went wrong', count: 1,
    involvedObject: { kind: 'Pod', apiVersion: 'v1', namespace: 'default', name: 'p', uid: 'uid-p' },
    source: { component: 'agent', host: 'n1' }, reportingComponent: 'agent', reportingInstance: 'n1',
    firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:00Z',
  });
  t.is(event?.metadata.namespace, 'default');
});

test('repetitions count up the event that is there', async (t) => {
  const { recorder, tell, all, clock } = start();
  tell('again');
  tell('again');
  await recorder.flushed();
  await clock.advance(60_000);
  tell('again');
  await recorder.flushed();
  t.is(all().length, 1);
  t.like(all()[0], { count: 3, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:01:00Z' });
});

test('an event that has expired meanwhile is written anew', async (t) => {
  const { recorder, tell, all, events } = start();
  tell('again');
  await recorder.flushed();
  events.clear();
  tell('again');
  await recorder.flushed();
  t.like(all()[0], { count: 1 });
});

test('one component may say only so much about one object, and more after a while', async (t) => {
  const { recorder, tell, all, clock } = start();
  for (let n = 0; n < eventBurstPerObject + 10; n += 1) tell(`message ${n}`);
  tell('of another', podObject('q'));
  await recorder.flushed();
  t.is(all().length, eventBurstPerObject + 1);
  t.is(recorder.dropped, 10);
  await clock.advance(eventRefillMs);
  tell('once more');
  await recorder.flushed();
  t.is(all().length, eventBurstPerObject + 2);
});

test('what is too much at once is dropped, and never blocks', async (t) => {
  const { recorder, tell, all } = start();
  for (let n = 0; n < eventsQueuedMax + 50; n += 1) tell('hello', podObject(`p${n}`));
  t.is(recorder.dropped, 50);
  await recorder.flushed();
  t.is(all().length, eventsQueuedMax);
});

test('a store that is away is tried again, and given up after a while without harm', async (t) => {
  const { recorder, tell, all, failures, clock } = start();
  failures.push(unavailable('away'), unavailable('away'));
  tell('first');
  for (let second = 0; second < 20; second += 1) await clock.advance(1_000);
  await recorder.flushed();
  t.is(all().length, 1);
  failures.push(unavailable('away'), unavailable('away'), unavailable('away'));
  tell('second');
  for (let second = 0; second < 20; second += 1) await clock.advance(1_000);
  await recorder.flushed();
  t.is(all().length, 1);
  t.is(recorder.dropped, 1);
});
