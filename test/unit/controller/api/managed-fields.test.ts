import test from 'ava';
import { changedFields, differenceOf, intersectionOf, unionOf } from '../../../../controller/api/field-set.ts';
import { managedFieldsAfter } from '../../../../controller/api/managed-fields.ts';
import type { KubeObject } from '../../../../proto/resources/kubernetes.ts';
import { deploymentNamed } from '../../../fixtures/api-objects.ts';

const web = deploymentNamed('web', 1) as unknown as KubeObject;
const changed = (change: (copy: any) => void): KubeObject => { // oxlint-disable-line no-explicit-any
  const copy = structuredClone(web);
  change(copy);
  return copy;
};

test('a new object is all its creator\'s, but for what the server owns', (t) => {
  t.deepEqual(changedFields(undefined, web), {
    'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
    'f:spec': {
      'f:replicas': {},
      'f:selector': {},
      'f:template': {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': { 'f:containers': { 'k:{"name":"main"}': { '.': {}, 'f:name': {}, 'f:image': {} } } },
      },
    },
  });
});

test('lists are sets of named items, and atomic when names are missing or double', (t) => {
  const ports = (list: unknown[]) => changedFields(undefined, { spec: { ports: list } });
  t.deepEqual(ports([{ containerPort: 80, protocol: 'TCP' }])['f:spec']?.['f:ports'], {
    'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} },
  });
  t.deepEqual(changedFields(undefined, { spec: { args: ['a', 'b'] } }), { 'f:spec': { 'f:args': {} } });
  t.deepEqual(changedFields(undefined, { spec: { env: [{ name: 'A' }, { name: 'A' }] } }), { 'f:spec': { 'f:env': {} } });
  t.deepEqual(changedFields(undefined, { metadata: { finalizers: ['x'] } }), { 'f:metadata': { 'f:finalizers': { 'v:"x"': {} } } });
});

test('sets are united, cut and subtracted by branch', (t) => {
  const left = { 'f:a': { 'f:b': {}, 'f:c': {} }, 'f:d': {} };
  const right = { 'f:a': { 'f:c': {}, 'f:e': {} } };
  t.deepEqual(unionOf(left, right), { 'f:a': { 'f:b': {}, 'f:c': {}, 'f:e': {} }, 'f:d': {} });
  t.deepEqual(differenceOf(left, right), { 'f:a': { 'f:b': {} }, 'f:d': {} });
  t.deepEqual(intersectionOf(left, right), { 'f:a': { 'f:c': {} } });
});

test('who changes a field takes it from who had it', (t) => {
  const first = managedFieldsAfter(undefined, web, [], { name: 'maker', subresource: undefined }, 'T1');
  const scaled = changed((copy) => { copy.spec.replicas = 5; });
  const second = managedFieldsAfter(web, scaled, first, { name: 'scaler', subresource: 'scale' }, 'T2');
  t.is(second.length, 2);
  t.notRegex(JSON.stringify(second[0]), /f:replicas/);
  t.like(second[1], { manager: 'scaler', subresource: 'scale', time: 'T2', fieldsV1: { 'f:spec': { 'f:replicas': {} } } });
});

test('a manager that writes again keeps one entry, and a field that goes leaves all', (t) => {
  const manager = { name: 'maker', subresource: undefined };
  const first = managedFieldsAfter(undefined, web, [], manager, 'T1');
  const without = changed((copy) => { delete copy.spec.replicas; });
  const second = managedFieldsAfter(web, without, first, manager, 'T2');
  t.is(second.length, 1);
  t.is(String(second[0]?.time), 'T2');
  t.notRegex(JSON.stringify(second[0]), /f:replicas/);
});

test('an entry whose fields stay keeps its time', (t) => {
  const first = managedFieldsAfter(undefined, web, [], { name: 'maker', subresource: undefined }, 'T1');
  const labelled = changed((copy) => { copy.metadata.labels.more = 'yes'; });
  const second = managedFieldsAfter(web, labelled, first, { name: 'other', subresource: undefined }, 'T2');
  t.is(String(second[0]?.time), 'T1');
});
