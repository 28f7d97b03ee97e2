import test from 'ava';
import { enumFields, enumOf } from '../../../../proto/schema/enums.ts';
import { isAtomicMap, isAtomicType, listType } from '../../../../proto/schema/list-types.ts';
import { mergeRule, mergeRulesOf } from '../../../../proto/schema/lists.ts';
import { loadSchema } from '../../../../proto/schema/schema.ts';
import { quantityFields } from '../../../../proto/schema/quantities.ts';

const schema = loadSchema();

test('every rule for merging speaks of a field that exists and of a key that its items have', (t) => {
  for (const type of schema.types.values()) {
    for (const [field, rule] of Object.entries(mergeRulesOf(type.name))) {
      const shape = type.fields.get(field);
      t.truthy(shape, `${type.name}.${field}`);
      if (rule.key !== undefined) t.true(schema.itemType(shape)?.fields.has(rule.key), `${type.name}.${field} by ${rule.key}`);
    }
  }
});

test('every list type speaks of a list, and its keys are fields of the items', (t) => {
  let lists = 0;
  for (const type of schema.types.values()) {
    for (const [field, shape] of type.fields) {
      const found = listType(type.name, field);
      if (found === undefined) continue;
      lists += 1;
      t.true('array' in shape, `${type.name}.${field}`);
      for (const key of found.keys ?? []) t.true(schema.itemType(shape)?.fields.has(key), `${type.name}.${field} by ${key}`);
    }
  }
  t.true(lists > 80);
});

test('quantities are known to the schema', (t) => {
  for (const [name, fields] of Object.entries(quantityFields)) {
    const type = schema.type(name);
    // Kinds that are not served yet are in the table, but not in the schema.
    if (type === undefined) continue;
    for (const field of fields) t.regex(JSON.stringify(type.fields.get(field)), /quantity/, `${name}.${field}`);
  }
});

test('rules are found by short and full names, and prototypes have none', (t) => {
  t.deepEqual(mergeRule('core.v1.Container', 'env'), { merge: true, key: 'name' });
  t.deepEqual(mergeRule('io.k8s.api.core.v1.PodSpec', 'volumes'), { merge: true, key: 'name', retainKeys: true });
  t.is(mergeRule('core.v1.Container', 'args'), undefined);
  t.is(mergeRule('core.v1.Container', 'constructor'), undefined);
  t.is(mergeRule(undefined, 'env'), undefined);
  t.deepEqual(listType('core.v1.ServiceSpec', 'ports'), { type: 'map', keys: ['port', 'protocol'] });
  t.is(listType('core.v1.ServiceSpec', 'toString'), undefined);
  t.true(isAtomicType('io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector'));
  t.true(isAtomicMap('core.v1.ServiceSpec', 'selector'));
});

test('fields that take one of a few words are strings of the schema', (t) => {
  for (const [name, field] of enumFields()) t.deepEqual(schema.type(name)?.fields.get(field), { type: 'string' }, `${name}.${field}`);
  t.deepEqual(enumOf('io.k8s.api.core.v1.PodSpec', 'restartPolicy'), ['Always', 'Never', 'OnFailure']);
  t.is(enumOf('core.v1.PodSpec', 'constructor'), undefined);
});
