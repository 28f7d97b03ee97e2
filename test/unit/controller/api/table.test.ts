import test from 'ava';
import { rowOf, tableFor } from '../../../../controller/api/table.ts';
import { shortDuration } from '../../../../controller/api/table-column.ts';
import { kinds, nodeKind, serviceKind } from '../../../../proto/kinds.ts';
import type { KubeObject } from '../../../../proto/resources/kubernetes.ts';

test('durations are written as kubectl writes them', (t) => {
  const second = 1000;
  const hour = 3600 * second;
  const day = 24 * hour;
  const expectations: [number, string][] = [
    [0, '0s'], [-1500, '0s'], [-5 * second, '<invalid>'], [119 * second, '119s'], [120 * second, '2m'], [150 * second, '2m30s'],
    [10 * 60 * second, '10m'], [3 * hour, '3h'], [3.5 * hour, '3h30m'], [9 * hour, '9h'], [2 * day, '2d'], [2 * day + hour, '2d1h'],
    [9 * day, '9d'], [800 * day, '2y70d'], [3650 * day, '10y'], [Number.NaN, '<unknown>'],
  ];
  for (const [durationMs, text] of expectations) t.is(shortDuration(durationMs), text);
});

test('every row has a cell for every column, even of an empty object', (t) => {
  for (const kind of kinds) {
    const empty: KubeObject = { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name: 'empty' } };
    t.is(rowOf(kind, empty, 'None', 0).cells.length, tableFor(kind).columns.length, kind.kind);
  }
});

test('services and nodes show what they are', (t) => {
  const metadata = { name: 'x', labels: { 'node-role.kubernetes.io/control': '' } };
  const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { type: 'NodePort', clusterIP: '10.0.0.1', ports: [{ port: 80, nodePort: 30080 }] } };
  t.deepEqual(rowOf(serviceKind, service as unknown as KubeObject, 'None', 0).cells.slice(0, 5), ['x', 'NodePort', '10.0.0.1', '<none>', '80:30080/TCP']);
  const node = { apiVersion: 'v1', kind: 'Node', metadata, spec: { unschedulable: true }, status: { conditions: [{ type: 'Ready', status: 'True' }] } };
  t.deepEqual(rowOf(nodeKind, node as unknown as KubeObject, 'None', 0).cells.slice(0, 3), ['x', 'Ready,SchedulingDisabled', 'control']);
});
