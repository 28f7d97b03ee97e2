import test from 'ava';
import { mergedStatus, ReportWriter, TooManyReports } from '../../../../controller/nodes/reports.ts';
import type { Verbs } from '../../../../controller/api/verbs.ts';
import { sessionReportsMax } from '../../../../controller/limits.ts';
import { notFound, unavailable } from '../../../../proto/errors.ts';
import { podKind } from '../../../../proto/kinds.ts';
import { toJsonBytes } from '../../../../proto/node-service.ts';
import { systemClock } from '../../../../proto/process/clock.ts';
import { silentLog } from '../../../../proto/process/log.ts';

const condition = (type: string, status = 'True') => ({ type, status });
const report = (uid: string, sequence: number) => ({ uid, namespace: 'ns', name: uid, sequence, status: toJsonBytes({ phase: 'Running' }), gone: false });

/** A writer whose verb is `modify`, and what it acknowledged. */
const writer = (modify: (key: string) => Promise<unknown>) => {
  const acks: string[] = [];
  let waiter = (): void => undefined;
  const verbs = { modify: (_kind: unknown, key: string) => modify(key) } as unknown as Verbs;
  const reports = new ReportWriter({
    nodeName: 'n', verbs, options: { user: { name: 'u', groups: [] }, fieldManager: 'm' }, clock: systemClock, log: silentLog,
    ack: (uid, sequence) => {
      acks.push(`${uid}:${sequence}`);
      waiter();
    },
    signal: new AbortController().signal,
  });
  const acked = (text: string): Promise<void> => new Promise((resolve) => {
    waiter = () => acks.includes(text) && resolve();
    waiter();
  });
  return { reports, acks, acked };
};
const stored = { object: { metadata: { uid: 'other' } } };

test('the conditions of others stay, those of the agent are replaced', (t) => {
  const merged = mergedStatus(
    { phase: 'Pending', qosClass: 'Burstable', conditions: [condition('PodScheduled'), condition('Ready', 'False'), condition('example.com/gate')] },
    { phase: 'Running', conditions: [condition('Ready'), condition('PodScheduled', 'False')] },
  );
  t.deepEqual(merged?.conditions, [condition('PodScheduled'), condition('example.com/gate'), condition('Ready')]);
  t.is(merged?.qosClass, 'Burstable');
});

test('a pod that has finished does not run again', (t) => {
  t.is(mergedStatus({ phase: 'Failed' }, { phase: 'Running' }), undefined);
  t.is(mergedStatus({ phase: 'Running' }, { phase: 'Succeeded' })?.phase, 'Succeeded');
});

test('reports of one pod are written one after the other, and only the latest of those that wait', async (t) => {
  const going: (() => void)[] = [];
  let writes = 0;
  const { reports, acks, acked } = writer(() => {
    writes += 1;
    return new Promise((resolve) => going.push(() => resolve(stored)));
  });
  for (let sequence = 1; sequence <= 5; sequence += 1) reports.take(report('a', sequence));
  reports.take(report('b', 6));
  t.is(writes, 2, 'different pods are written at the same time');
  for (const go of going.splice(0)) go();
  await acked('b:6');
  await acked('a:1');
  t.is(writes, 3);
  for (const go of going.splice(0)) go();
  await acked('a:5');
  t.deepEqual(acks.filter((ack) => ack.startsWith('a')), ['a:1', 'a:5']);
});

test('a report is tried again while the store is away, and acknowledged when its pod is not there', async (t) => {
  let failures = 0;
  const { reports, acked } = writer(async (key) => {
    if (key === 'ns/missing') throw notFound(podKind, 'missing');
    failures += 1;
    if (failures < 3) throw unavailable('etcd is away');
    return stored;
  });
  reports.take(report('a', 1));
  reports.take(report('missing', 2));
  await acked('missing:2');
  await acked('a:1');
  t.is(failures, 3);
});

test('a session that reports on more pods than a node can have is stopped', (t) => {
  const { reports } = writer(() => new Promise(() => undefined));
  for (let index = 0; index < sessionReportsMax; index += 1) reports.take(report(`p${index}`, index));
  t.throws(() => reports.take(report('one-more', 1)), { instanceOf: TooManyReports });
  t.notThrows(() => reports.take(report('p1', 2)));
});
