import test from 'ava';
import { fieldSelectorFor } from '../../../../controller/api/field-selectors.ts';
import { selectionOf } from '../../../../controller/api/selection.ts';
import { seenThrough } from '../../../../controller/api/watch-stream.ts';
import type { Change, ChangeType, Stored } from '../../../../controller/store/stored.ts';
import { configMapKind, eventKind, podKind } from '../../../../proto/kinds.ts';
import type { KubeObject } from '../../../../proto/resources/kubernetes.ts';

const object = (labels: Record<string, string>): KubeObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'b', labels } });
const stored = (on: string, revision: number): Stored => ({
  kind: configMapKind, key: 'b/a', object: object({ on }), revision, bytes: Buffer.from(JSON.stringify(object({ on }))),
});
const change = (type: ChangeType, now: string, before?: string): Change => ({
  type, stored: stored(now, 9), previous: before === undefined ? undefined : stored(before, 8),
});

test('a selector is entered, stayed in, left and not noticed', (t) => {
  const selection = selectionOf(configMapKind, undefined, new URLSearchParams('labelSelector=on=yes'));
  const seen = (each: Change): string => seenThrough(selection, each)?.type ?? 'nothing';
  t.is(seen(change('ADDED', 'yes')), 'ADDED');
  t.is(seen(change('ADDED', 'no')), 'nothing');
  t.is(seen(change('MODIFIED', 'yes', 'no')), 'ADDED');
  t.is(seen(change('MODIFIED', 'yes', 'yes')), 'MODIFIED');
  t.is(seen(change('MODIFIED', 'no', 'yes')), 'DELETED');
  t.is(seen(change('MODIFIED', 'no', 'no')), 'nothing');
  t.is(seen(change('DELETED', 'yes', 'yes')), 'DELETED');
  t.is(seen(change('DELETED', 'no', 'no')), 'nothing');
});

test('who leaves a selector is told with the state that was seen, at the revision of leaving', (t) => {
  const selection = selectionOf(configMapKind, undefined, new URLSearchParams('labelSelector=on=yes'));
  const left = seenThrough(selection, change('MODIFIED', 'no', 'yes'));
  const sent = JSON.parse(left?.stored.bytes.toString() ?? '{}') as KubeObject;
  t.is(sent.metadata.resourceVersion, '9');
  t.is(sent.metadata.labels?.['on'], 'yes');
});

test('fields that are absent have the value that Kubernetes gives them', (t) => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: {}, status: { phase: 'Running' } } as unknown as KubeObject;
  t.true(fieldSelectorFor(podKind, 'spec.nodeName=').matches(pod));
  t.true(fieldSelectorFor(podKind, 'status.phase!=Failed,status.phase==Running').matches(pod));
  t.false(fieldSelectorFor(podKind, 'spec.nodeName=n').matches(pod));
  t.true(fieldSelectorFor(eventKind, 'involvedObject.name=,source=').matches(pod));
  t.throws(() => fieldSelectorFor(configMapKind, 'spec.nodeName=n'), { name: 'ApiError', message: /field label not supported/ });
});
