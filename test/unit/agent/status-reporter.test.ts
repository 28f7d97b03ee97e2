import test from 'ava';
import { reportedPodsMax, reportsPerFrameMax, setUpReportHeldBusyMs, setUpReportHeldMs, setUpReportsBusyMin } from '../../../agent/limits.ts';
import type { PodStatusReport } from '../../../agent/pods/pods.ts';
import { StatusReporter } from '../../../agent/status-reporter.ts';
import { silentLog } from '../../../proto/process/log.ts';
import { seededRandom } from '../../../proto/process/random.ts';
import type { PodStatus } from '../../../proto/resources/kubernetes.ts';
import { ManualClock } from '../../fixtures/manual-clock.ts';

const report = (uid: string, message = '', gone = false): PodStatusReport => ({ uid, namespace: 'ns', name: uid, status: { message }, gone });
const message = ({ status }: { status: Buffer }): unknown => (JSON.parse(String(status)) as { message: unknown }).message;

test('of several reports of one pod the latest goes out, once', (t) => {
  const reporter = new StatusReporter(new ManualClock(), silentLog);
  let ready = 0;
  reporter.onReady = () => void (ready += 1);
  reporter.report(report('a', 'one'));
  reporter.report(report('b', 'x'));
  reporter.report(report('a', 'two'));
  t.is(ready, 3);
  t.deepEqual(reporter.take().map((one) => `${one.uid} ${String(message(one))}`), ['a two', 'b x']);
  t.deepEqual(reporter.take(), []);
});

test('every session begins with the latest status of every pod', (t) => {
  const reporter = new StatusReporter(new ManualClock(), silentLog);
  reporter.report(report('a'));
  const [sent] = reporter.take();
  reporter.acknowledged([{ uid: 'a', sequence: sent?.sequence ?? 0 }]);
  t.deepEqual(reporter.take(), []);
  reporter.begin();
  t.deepEqual(reporter.take().map(({ uid }) => uid), ['a']);
});

test('a pod that is gone is forgotten once that is acknowledged, and not before', (t) => {
  const reporter = new StatusReporter(new ManualClock(), silentLog);
  reporter.report(report('a'));
  const [early] = reporter.take();
  reporter.report(report('a', '', true));
  reporter.acknowledged([{ uid: 'a', sequence: early?.sequence ?? 0 }]);
  reporter.begin();
  const [late] = reporter.take();
  t.true(late?.gone);
  reporter.acknowledged([{ uid: 'a', sequence: late?.sequence ?? 0 }]);
  reporter.begin();
  t.deepEqual(reporter.take(), []);
});

test('a pod whose object is gone is forgotten at once', (t) => {
  const reporter = new StatusReporter(new ManualClock(), silentLog);
  reporter.report(report('a'));
  reporter.report(report('b'));
  reporter.forget('a');
  reporter.begin();
  t.deepEqual(reporter.take().map(({ uid }) => uid), ['b']);
});

test('where there are too many, the report goes that is the oldest, not the pod', (t) => {
  const reporter = new StatusReporter(new ManualClock(), silentLog);
  for (let index = 0; index < reportedPodsMax; index += 1) reporter.report(report(`p${index}`));
  reporter.report(report('p0', 'later'));
  reporter.report(report('last'));
  const sent: string[] = [];
  for (let reports = reporter.take(); reports.length > 0; reports = reporter.take()) sent.push(...reports.map(({ uid }) => uid));
  t.is(sent.length, reportedPodsMax);
  t.true(sent.includes('p0'));
  t.false(sent.includes('p1'));
});

test('a frame has a bounded number of reports, and so have the slots', (t) => {
  const reporter = new StatusReporter(new ManualClock(), silentLog);
  for (let index = 0; index < reportedPodsMax + 10; index += 1) reporter.report(report(`p${index}`));
  let total = 0;
  for (let reports = reporter.take(); reports.length > 0; reports = reporter.take()) {
    t.true(reports.length <= reportsPerFrameMax);
    total += reports.length;
  }
  t.is(total, reportedPodsMax);
});

test('whatever is lost on the way, the controller ends with the latest of each pod', (t) => {
  const random = seededRandom(3);
  const reporter = new StatusReporter(new ManualClock(), silentLog);
  const latest = new Map<string, string>();
  const received = new Map<string, unknown>();
  for (let step = 0; step < 3_000; step += 1) {
    const uid = `p${Math.floor(random.next() * 8)}`;
    latest.set(uid, `${step}`);
    reporter.report(report(uid, `${step}`));
    if (random.next() < 0.1) reporter.begin();
    if (random.next() < 0.3) {
      const lost = random.next() < 0.2;
      for (const one of reporter.take()) if (!lost) received.set(one.uid, message(one));
      if (lost) reporter.begin();
    }
  }
  for (const uid of latest.keys()) {
    latest.set(uid, 'last');
    reporter.report(report(uid, 'last'));
  }
  // The last of it is lost too: only the next session can bring it.
  while (reporter.take().length > 0);
  reporter.begin();
  for (let reports = reporter.take(); reports.length > 0; reports = reporter.take()) for (const one of reports) received.set(one.uid, message(one));
  t.deepEqual([...received].sort(), [...latest].sort());
});

const setUp = (reason: string, podIP = ''): PodStatus =>
  ({ phase: 'Pending', podIP, containerStatuses: [{ name: 'main', state: { waiting: { reason } } }] }) as unknown as PodStatus;

test('the report of a pod that is being set up is held for a moment; the next one takes its place', async (t) => {
  const clock = new ManualClock();
  const reporter = new StatusReporter(clock, silentLog);
  let ready = 0;
  reporter.onReady = () => void (ready += 1);
  reporter.report({ ...report('a'), status: setUp('ContainerCreating') });
  await clock.advance(setUpReportHeldMs / 2);
  reporter.report({ ...report('b'), status: setUp('PodInitializing') });
  reporter.report({ ...report('a'), status: setUp('ContainerCreating', '10.0.0.1') });
  t.deepEqual(reporter.take(), []);
  t.is(ready, 0);
  await clock.advance(setUpReportHeldMs / 2);
  t.is(ready, 1);
  t.deepEqual(reporter.take().map(({ uid, status }) => [uid, (JSON.parse(String(status)) as PodStatus).podIP]), [['a', '10.0.0.1']]);
  reporter.report({ ...report('b'), status: { phase: 'Running' } });
  t.deepEqual(reporter.take().map(({ uid }) => uid), ['b'], 'what says more goes at once');
  await clock.advance(setUpReportHeldMs);
  t.deepEqual(reporter.take(), []);
});

test('what is wrong, what goes and what a new session asks for is not held', (t) => {
  const reporter = new StatusReporter(new ManualClock(), silentLog);
  reporter.report({ ...report('a'), status: setUp('ErrImagePull') });
  reporter.report({ ...report('b', '', true), status: setUp('ContainerCreating') });
  t.deepEqual(reporter.take().map(({ uid }) => uid), ['a', 'b']);
  reporter.report({ ...report('c'), status: setUp('ContainerCreating') });
  reporter.begin();
  t.deepEqual(reporter.take().map(({ uid }) => uid), ['a', 'b', 'c']);
});

test('while many pods are set up, the later ones are held for longer', async (t) => {
  const clock = new ManualClock();
  const reporter = new StatusReporter(clock, silentLog);
  const uids = Array.from({ length: setUpReportsBusyMin + 2 }, (_, index) => `p${index}`);
  for (const uid of uids) reporter.report({ ...report(uid), status: setUp('ContainerCreating') });
  await clock.advance(setUpReportHeldMs);
  t.deepEqual(reporter.take().map(({ uid }) => uid), uids.slice(0, setUpReportsBusyMin));
  reporter.report({ ...report('alone'), status: setUp('ContainerCreating') });
  await clock.advance(setUpReportHeldMs);
  t.deepEqual(reporter.take().map(({ uid }) => uid), ['alone']);
  await clock.advance(setUpReportHeldBusyMs);
  t.deepEqual(reporter.take().map(({ uid }) => uid), uids.slice(setUpReportsBusyMin));
});
