import test from 'ava';
import { labelValue } from '../../../../proto/resources/names.ts';
import { templateHash } from '../../../../proto/resources/template-hash.ts';
import { deployment } from './rules.ts';

const template = () => structuredClone(deployment().spec?.template ?? { spec: { containers: [] } });

test('a template hashes the same however its keys are ordered and whatever is null', (t) => {
  const reordered = Object.fromEntries(Object.entries(template()).toReversed());
  t.is(templateHash(reordered), templateHash(template()));
  t.is(templateHash({ ...template(), metadata: { ...template().metadata, creationTimestamp: null as unknown as string } }), templateHash(template()));
});

test('another image or another collision count gives another hash', (t) => {
  const changed = template();
  if (changed.spec?.containers[0]) changed.spec.containers[0].image = 'other';
  t.not(templateHash(changed), templateHash(template()));
  t.not(templateHash(template(), 1), templateHash(template()));
  t.is(templateHash(template(), 0), templateHash(template()));
});

test('a hash can be a label value and the end of a name', (t) => {
  t.deepEqual(labelValue(templateHash(template())), []);
  t.regex(templateHash(template()), /^[a-z0-9]{10}$/);
});
