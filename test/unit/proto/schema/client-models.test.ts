import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { readClientModels } from '../../../../proto/schema/client-models.ts';
import { loadDescriptions, loadSchema } from '../../../../proto/schema/schema.ts';

const writeClass = (folder: string, name: string, attributes: readonly object[], declaration: string): void => {
  writeFileSync(join(folder, `${name}.js`), `export class ${name} {}\n${name}.attributeTypeMap = ${JSON.stringify(attributes)};\n`);
  writeFileSync(join(folder, `${name}.d.ts`), declaration);
};

const attribute = (baseName: string, type: string, format = ''): object => ({ name: baseName, baseName, type, format });

test('fields, requirements and words come from the classes; names from who reaches them first', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-models-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeClass(
    folder,
    'V1Ship',
    [
      attribute('crew', 'Array<V1Sailor>'),
      attribute('decks', '{ [key: string]: Array<string>; }'),
      attribute('continue', 'number', 'int32'),
      attribute('berth', 'IntOrString', 'int-or-string'),
    ],
    "/**\n* A ship.\n*/\nexport declare class V1Ship {\n    /**\n    * The captain\\'s crew.\n    */\n    'crew': Array<V1Sailor>;\n    'decks'?: object;\n    /**\n    * Kept word.\n    */\n    '_continue'?: number;\n    /**\n    * What IntOrString is.\n    */\n    'berth': IntOrString;\n}\n",
  );
  writeClass(folder, 'V1Sailor', [attribute('since', 'Date', 'date-time')], "export declare class V1Sailor {\n    'since'?: Date;\n}\n");
  writeClass(folder, 'CoreV1Harbour', [attribute('ships', 'Array<V1Ship>')], "export declare class CoreV1Harbour {\n    'ships': Array<V1Ship>;\n}\n");
  const { structures, descriptions } = await readClientModels(folder, [
    { className: 'V1Sailor', package: 'meta.v1' },
    { className: 'CoreV1Harbour', package: 'core.v1' },
  ]);
  t.deepEqual(structures, {
    'io.k8s.api.core.v1.Harbour': { required: ['ships'], properties: { ships: { array: { ref: 'io.k8s.api.core.v1.Ship' } } } },
    'io.k8s.api.core.v1.Ship': {
      required: ['crew', 'berth'],
      properties: {
        crew: { array: { ref: 'io.k8s.apimachinery.pkg.apis.meta.v1.Sailor' } },
        decks: { map: { array: { type: 'string' } } },
        continue: { type: 'integer', format: 'int32' },
        berth: { type: 'string', format: 'int-or-string' },
      },
    },
    'io.k8s.apimachinery.pkg.apis.meta.v1.Sailor': { properties: { since: { type: 'string', format: 'date-time' } } },
  });
  t.deepEqual(descriptions['io.k8s.api.core.v1.Ship'], {
    description: 'A ship.',
    properties: { crew: "The captain's crew.", continue: 'Kept word.' },
  });
});

test('a type that nobody knows stops the generation', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-models-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeClass(folder, 'V1Odd', [attribute('odd', 'Buffer', 'strange')], "export declare class V1Odd {\n    'odd': Buffer;\n}\n");
  await t.throwsAsync(readClientModels(folder, [{ className: 'V1Odd', package: 'core.v1' }]), { message: /Buffer \(strange\)/ });
});

test('what has been generated is what the installed package says', async (t) => {
  const client = dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node'));
  const { structures, descriptions } = await readClientModels(join(client, 'gen', 'models'), [
    { className: 'V1ObjectMeta', package: 'meta.v1' },
    { className: 'V1LabelSelector', package: 'meta.v1' },
    { className: 'V1Pod', package: 'core.v1' },
  ]);
  const schema = loadSchema();
  const words = loadDescriptions();
  for (const [name, { properties, required = [] }] of Object.entries(structures)) {
    t.deepEqual(Object.fromEntries(schema.types.get(name)?.fields ?? []), properties, name);
    t.deepEqual(schema.types.get(name)?.required, required, name);
    t.deepEqual(words[name], descriptions[name], name);
  }
});
