import test from 'ava';
import { layOut, pairLines } from '../../../cli/describe/layout.ts';
import { ageText, parseDurationMs } from '../../../cli/duration.ts';
import { describeFailure, UsageError } from '../../../cli/errors.ts';
import { eventsNewestLast } from '../../../cli/event-order.ts';
import { lastAppliedAnnotation, lastAppliedOf, withLastApplied } from '../../../cli/last-applied.ts';
import { lineBytesMax, LogLines } from '../../../cli/log-lines.ts';
import { formatObjects, parseOutput } from '../../../cli/output.ts';
import { displayName, parseTarget, parseTargets } from '../../../cli/selection.ts';
import { TableWriter } from '../../../cli/table.ts';
import { printable } from '../../../cli/terminal-text.ts';
import { isMet, parseWaitCondition } from '../../../cli/wait-condition.ts';
import { LiveLine } from '../../../cli/waiting.ts';
import type { Event, KubeObject } from '../../../proto/resources/kubernetes.ts';

const targets = (...words: string[]): string[] => parseTargets(words).map(({ kind, name }) => displayName(kind, name ?? '*'));

test('objects are named in all of kubectl’s forms', (t) => {
  t.deepEqual(targets('pods'), ['pod/*']);
  t.deepEqual(targets('deployment/hello'), ['deployment.apps/hello']);
  t.deepEqual(targets('deploy', 'hello', 'other'), ['deployment.apps/hello', 'deployment.apps/other']);
  t.deepEqual(targets('po/a', 'svc/b'), ['pod/a', 'service/b']);
  t.deepEqual(targets('pods,deployments.apps'), ['pod/*', 'deployment.apps/*']);
  t.deepEqual(targets('all'), ['pod/*', 'service/*', 'replicaset.apps/*', 'deployment.apps/*']);
});

test('what names no object is wrong usage, with the nearest kind', (t) => {
  t.throws(() => parseTargets([]), { instanceOf: UsageError });
  t.throws(() => parseTargets(['podss']), { instanceOf: UsageError, message: /did you mean "pods"/ });
  t.throws(() => parseTargets(['pod/a', 'b']), { instanceOf: UsageError });
  t.throws(() => parseTargets(['pod/a/b']), { instanceOf: UsageError });
  t.throws(() => parseTarget(['pods']), { instanceOf: UsageError, message: /pod\/hello/ });
});

test('durations are read and ages written as Kubernetes does', (t) => {
  t.deepEqual(['30s', '5m', '1h30m', '250ms', '7'].map((text) => parseDurationMs(text, '--timeout')), [30_000, 300_000, 5_400_000, 250, 7000]);
  t.throws(() => parseDurationMs('soon', '--timeout'), { instanceOf: UsageError, message: /--timeout soon/ });
  t.deepEqual([0, 119, 120, 125, 1200, 7 * 3600 + 60, 50 * 3600, 10 * 86_400, 800 * 86_400].map((seconds) => ageText(seconds * 1000)), ['0s', '119s', '2m', '2m5s', '20m', '7h1m', '2d2h', '10d', '2y']);
});

test('the applied configuration is what kubectl writes, byte for byte', (t) => {
  const object: KubeObject = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', namespace: 'default' }, data: { b: '<&>', a: 'x' } };
  const sent = withLastApplied(object);
  t.is(
    sent.metadata.annotations?.[lastAppliedAnnotation],
    '{"apiVersion":"v1","data":{"a":"x","b":"\\u003c\\u0026\\u003e"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"a","namespace":"default"}}\n',
  );
  t.deepEqual(lastAppliedOf(sent), { ...object, metadata: { ...object.metadata, annotations: {} } });
  t.is(withLastApplied(sent).metadata.annotations?.[lastAppliedAnnotation], sent.metadata.annotations?.[lastAppliedAnnotation]);
  t.is(lastAppliedOf({ ...object, metadata: { annotations: { [lastAppliedAnnotation]: 'no JSON' } } }), undefined);
});

test('lines of several logs keep together, each with its prefix', (t) => {
  const out: string[] = [];
  const lines = new LogLines('[a] ', (bytes) => out.push(bytes.toString()));
  lines.push(Buffer.from('one\ntw'));
  lines.push(Buffer.from('o'));
  t.deepEqual(out, ['[a] one\n']);
  lines.push(Buffer.from('\nthr'));
  lines.end();
  t.deepEqual(out, ['[a] one\n', '[a] two\n', '[a] thr\n']);
});

test('of a line that never ends no more than a bound is held', (t) => {
  let bytes = 0;
  const lines = new LogLines('p ', (part) => void (bytes += part.length));
  for (let at = 0; at < 100; at += 1) lines.push(Buffer.alloc(64 * 1024, 'x'));
  t.true(bytes > 100 * 64 * 1024 - lineBytesMax - 64 * 1024);
});

test('without a prefix the bytes of a log pass unchanged', (t) => {
  const out: Buffer[] = [];
  const lines = new LogLines('', (bytes) => out.push(bytes));
  lines.push(Buffer.from([0xff, 0x00, 0x0a, 0xc3]));
  lines.end();
  t.deepEqual(Buffer.concat(out), Buffer.from([0xff, 0x00, 0x0a, 0xc3]));
});

test('columns are aligned, and rows that come later line up', (t) => {
  const writer = new TableWriter();
  t.is(writer.format([['NAME', 'READY'], ['hello', '1/1']]), 'NAME    READY\nhello   1/1\n');
  t.is(writer.format([['a', '0/1']]), 'a       0/1\n');
});

test('descriptions align their values and indent their sections', (t) => {
  t.is(
    layOut([['Name', 'a'], ['Labels', pairLines({ b: '2', a: '1' })], ['Gone', undefined], ['Containers', { entries: [['web', { entries: [['Image', 'x']] }]] }], ['Events', { rows: [['Type']] }]]),
    'Name:    a\nLabels:  a=1\n         b=2\nContainers:\n  web:\n    Image:  x\nEvents:  <none>\n',
  );
});

test('output forms are parsed, unknown ones are wrong usage', async (t) => {
  t.deepEqual(parseOutput('jsonpath={.a}'), { type: 'jsonpath', template: '{.a}' });
  t.throws(() => parseOutput('table'), { instanceOf: UsageError });
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a', managedFields: [{}] } } as KubeObject;
  t.is(await formatObjects([object], { type: 'name' }, false), 'deployment.apps/a\n');
  t.is(await formatObjects([object], { type: 'yaml' }, false), 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n');
  t.like(JSON.parse(await formatObjects([object], { type: 'json' }, true)), { kind: 'List', items: [{ metadata: { name: 'a' } }] });
});

test('what wait waits for is parsed and compared', (t) => {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: {}, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } } as KubeObject;
  const met = (text: string, there: KubeObject | undefined = object): boolean => isMet(parseWaitCondition(text), there);
  t.true(met('condition=ready'));
  t.true(met('condition=Ready=True'));
  t.false(met('condition=Ready=false'));
  t.false(met('condition=Other'));
  t.true(met("jsonpath='{.status.phase}'=Running"));
  t.true(met('jsonpath={.status.phase}'));
  t.true(met('jsonpath=.status.phase=Running'));
  t.true(met('jsonpath={.status.conditions[?(@.type=="Ready")].status}=True'));
  t.false(met('jsonpath={.status.phase}=Failed'));
  t.false(met('delete'));
  t.true(isMet(parseWaitCondition('delete'), undefined));
  t.false(isMet(parseWaitCondition('condition=Ready'), undefined));
  t.throws(() => parseWaitCondition('Ready'), { instanceOf: UsageError });
});

test('a condition of an object that has been changed since does not count', (t) => {
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { generation: 2 }, status: { observedGeneration: 1, conditions: [{ type: 'Available', status: 'True' }] } } as KubeObject;
  t.false(isMet(parseWaitCondition('condition=Available'), object));
});

test('events come in the order in which they happened, whatever the form of their times', (t) => {
  const event = (name: string, times: object): Event => ({ metadata: { name }, ...times }) as unknown as Event;
  const sorted = eventsNewestLast([
    event('c', { lastTimestamp: '2026-01-01T00:00:03Z' }), event('b', { eventTime: '2026-01-01T00:00:02.500000Z' }), event('a', { lastTimestamp: '2026-01-01T00:00:02Z' }),
  ]);
  t.deepEqual(sorted.map(({ metadata }) => metadata.name), ['a', 'b', 'c']);
});

test('what a container says moves no cursor, in tables, descriptions, errors and lines that are written over', (t) => {
  const evil = 'a\u001b[2Jb\rc\u009bd\u007f';
  const shown = 'a^[[2Jb^Mc\\x9bd\\x7f';
  t.is(printable(`${evil}\n\t`), `${shown}\n\t`);
  t.is(new TableWriter().format([[evil, 'x']]), `${shown}   x\n`);
  t.is(layOut([['Message', evil]]), `Message:  ${shown}\n`);
  t.is(describeFailure(new Error(evil), false), `error: ${shown}`);
  const written: (string | Uint8Array)[] = [];
  new LiveLine({ write: (text) => void written.push(text), isTerminal: false }, 80, false).show(evil);
  t.deepEqual(written, [`${shown}\n`]);
});
