import test from 'ava';
import { loadSchema } from '../../../../proto/schema/schema.ts';
import { fieldsWithZeros, keepsZero } from '../../../../proto/schema/zero-values.ts';

test('every row names a scalar field that there is', (t) => {
  const schema = loadSchema();
  for (const [name, fields] of Object.entries(fieldsWithZeros)) {
    const type = schema.type(name);
    t.truthy(type, name);
    for (const field of fields.split(' ')) {
      t.true('type' in (type?.fields.get(field) ?? {}), `${name}.${field}`);
      t.true(keepsZero(type?.name ?? '', field), `${name}.${field}`);
    }
  }
});

test('fields that are not in the table lose their zeros', (t) => {
  t.false(keepsZero('io.k8s.api.core.v1.PodSpec', 'hostNetwork'));
  t.false(keepsZero('io.k8s.api.core.v1.Nothing', 'constructor'));
});
