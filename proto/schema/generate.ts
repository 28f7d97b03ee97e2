/**
 * Writes generated/schema.json and generated/descriptions.json from the installed client package; see schema.ts.
 * Run by npm after installation, so that the repository holds none of the package's text.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { kinds } from '../kinds.ts';
import { readClientModels, type Root } from './client-models.ts';
import { packageOf } from './type-names.ts';

const group = (packageName: string, ...classNames: readonly string[]): Root[] =>
  classNames.map((className) => ({ className, package: packageName }));

/** Classes that the package prefixes with their group, because several groups have one of that name. */
const prefixed: Readonly<Record<string, string>> = { Event: 'CoreV1Event' };

/** meta before core before the rest: the first to reach a class names it. */
const roots: readonly Root[] = [
  ...group('meta.v1', 'V1ObjectMeta', 'V1ListMeta', 'V1LabelSelector', 'V1Condition', 'V1Status', 'V1DeleteOptions', 'V1WatchEvent'),
  ...group('meta.v1', 'V1APIResourceList', 'V1APIGroupList', 'V1APIVersions'),
  // Reached from apps only, as long as PodTemplate is no kind of ours.
  ...group('core.v1', 'V1PodTemplateSpec'),
  ...[...kinds]
    .sort((a, b) => Number(a.group !== '') - Number(b.group !== ''))
    .flatMap(({ group: name, version, kind }) => {
      const className = prefixed[kind] ?? `V${version.slice(1)}${kind}`;
      return group(`${packageOf(name)}.${version}`, className, `${className}List`);
    }),
  ...group('core.v1', 'V1Binding'),
  ...group('autoscaling.v1', 'V1Scale'),
  ...group('policy.v1', 'V1Eviction'),
];

const write = (folder: string, file: string, value: unknown): void => {
  const temporary = join(folder, `${file}.${process.pid}`);
  writeFileSync(temporary, JSON.stringify(value));
  renameSync(temporary, join(folder, file));
};

const main = async (): Promise<void> => {
  const client = dirname(createRequire(import.meta.url).resolve('@kubernetes/client-node'));
  const { structures, descriptions } = await readClientModels(join(client, 'gen', 'models'), roots);
  const folder = join(import.meta.dirname, 'generated');
  mkdirSync(folder, { recursive: true });
  write(folder, 'schema.json', structures);
  write(folder, 'descriptions.json', descriptions);
};

await main();
