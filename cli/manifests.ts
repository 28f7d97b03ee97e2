/**
 * What `-f` names: files, folders and stdin, read and checked as a whole before anything is sent. Whatever is wrong is
 * told as `file:line:column: field: what`, with the nearest real name for a typo.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { ApiError } from '../proto/errors.ts';
import { type Kind, kindOf, kinds } from '../proto/kinds.ts';
import type { KubeObject } from '../proto/resources/kubernetes.ts';
import { nearestName } from '../proto/schema/nearest.ts';
import { isRecord } from '../proto/schema/records.ts';
import { loadSchema, type Schema, type SchemaProblem } from '../proto/schema/schema.ts';
import { UsageError } from './errors.ts';
import { type ManifestDocument, parseManifest, type Position } from './manifest-text.ts';

/** One object of a manifest. */
export interface Manifest {
  readonly kind: Kind;
  readonly name: string;
  readonly object: KubeObject;
  /** `file:line:column` of one of its fields. */
  at(path: string, ofValue?: boolean): string;
}

/** Everything that is wrong with the manifests, one line for each. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

export interface ManifestArguments {
  readonly filename: readonly string[];
  readonly recursive: boolean;
}

const extensions = new Set(['.yaml', '.yml', '.json']);

const filesBelow = (folder: string, recursive: boolean): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return recursive ? filesBelow(path, true) : [];
      return extensions.has(extname(entry.name)) ? [path] : [];
    });

interface Source {
  readonly name: string;
  readonly text: string;
}

const sourcesOf = (path: string, recursive: boolean): Source[] => {
  if (path === '-') return [{ name: 'stdin', text: readFileSync(0, 'utf8') }];
  if (/^https?:\/\//.test(path)) throw new UsageError(`${path} is not read: fetch it first, then pass the file, or pipe it into "-f -"`);
  try {
    if (!statSync(path).isDirectory()) return [{ name: path, text: readFileSync(path, 'utf8') }];
    const files = filesBelow(path, recursive);
    if (files.length === 0) throw new ManifestError([`${path}: there are no .yaml, .yml or .json files${recursive ? '' : ' (-R looks into folders below as well)'}`]);
    return files.map((name) => ({ name, text: readFileSync(name, 'utf8') }));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new ManifestError([`${path}: there is no such file or folder`]);
    if (code === 'EACCES') throw new ManifestError([`${path}: you are not allowed to read it`]);
    throw error;
  }
};

const meant = (near: string | undefined): string => (near === undefined ? '' : `; did you mean "${near}"?`);

/** Whose kind and version are known, or what to say about them. */
const kindOrWhy = (object: Readonly<Record<string, unknown>>): Kind | { readonly field: string; readonly message: string } => {
  const { apiVersion, kind } = object;
  if (typeof kind !== 'string' || kind === '') return { field: 'kind', message: 'it is missing; say what this is, such as "kind: Deployment"' };
  const known = kinds.filter((each) => each.kind === kind);
  if (typeof apiVersion !== 'string' || apiVersion === '') {
    return { field: 'apiVersion', message: `it is missing${known[0] ? `; for ${kind} it is ${known[0].apiVersion}` : ''}` };
  }
  const exact = kindOf(apiVersion, kind);
  if (exact) return exact;
  if (known[0]) return { field: 'apiVersion', message: `there is no ${kind} in ${apiVersion}; it is in ${known.map((each) => each.apiVersion).join(', ')}` };
  return { field: 'kind', message: `there is no kind "${kind}" in ${apiVersion}${meant(nearestName(kind, kinds.map((each) => each.kind)))}` };
};

const goTypes: Readonly<Record<string, string>> = { int32: 'a whole number', int64: 'a whole number', string: 'a string', bool: 'true or false' };

/** Go's name of a type in a person's words. */
const typeWords = (expected: string): string => {
  if (expected.startsWith('[]') && expected !== '[]byte') return 'a list';
  if (expected.startsWith('map[')) return 'a map of names to values';
  return goTypes[expected] ?? (/^v\d/.test(expected) ? 'an object' : expected);
};

const problemText = (problem: SchemaProblem): string => {
  if (problem.problem === 'unknown') return `unknown field${meant(problem.nearest)}`;
  if (problem.problem === 'missing') return 'it is missing';
  return `it has to be ${typeWords(problem.expected)}, not ${problem.got === 'array' ? 'a list' : problem.got === 'object' ? 'an object' : problem.got}`;
};

class Collector {
  readonly manifests: Manifest[] = [];
  readonly lines: string[] = [];
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  source({ name, text }: Source): void {
    const { documents, problems } = parseManifest(text);
    for (const problem of problems) this.lines.push(`${name}:${problem.line}:${problem.column}: ${problem.message}`);
    for (const document of documents) this.#object(name, document, document.object, '');
  }

  /** `prefix` leads to the object inside of a List. */
  #object(file: string, document: ManifestDocument, object: Readonly<Record<string, unknown>>, prefix: string): void {
    const at = (path: string, ofValue = false): string => {
      const { line, column }: Position = document.locate([prefix, path].filter(Boolean).join('.'), ofValue);
      return `${file}:${line}:${column}`;
    };
    if (Array.isArray(object['items']) && typeof object['kind'] === 'string' && object['kind'].endsWith('List')) {
      for (const [index, item] of object['items'].entries()) {
        if (isRecord(item)) this.#object(file, document, item, `${prefix ? `${prefix}.` : ''}items[${index}]`);
        else this.lines.push(`${at(`items[${index}]`)}: items[${index}]: an object is expected`);
      }
      return;
    }
    const kind = kindOrWhy(object);
    if ('message' in kind) {
      this.lines.push(`${at(kind.field, true)}: ${kind.field}: ${kind.message}`);
      return;
    }
    const problems = this.#schema.check(kind, object).filter(({ path }) => path !== 'status' && !path.startsWith('status.'));
    for (const problem of problems) this.lines.push(`${at(problem.path, problem.problem === 'wrong')}: ${problem.path}: ${problemText(problem)}`);
    const metadata = object['metadata'];
    const name = isRecord(metadata) ? metadata['name'] : undefined;
    if (typeof name !== 'string' || name === '') {
      if (problems.length === 0) this.lines.push(`${at('metadata')}: metadata.name: it is missing`);
    } else if (problems.length === 0) this.manifests.push({ kind, name, object: object as KubeObject, at });
  }
}

/**
 * All objects that `-f` names, checked against the schema. Throws ManifestError with all that is wrong, UsageError when nothing is named.
 */
export const readManifests = ({ filename, recursive }: ManifestArguments): readonly Manifest[] => {
  if (filename.length === 0 || filename.includes('')) throw new UsageError('name a file, a folder or "-" with -f');
  const collector = new Collector(loadSchema());
  for (const path of filename) for (const source of sourcesOf(path, recursive)) collector.source(source);
  if (collector.lines.length > 0) throw new ManifestError(collector.lines);
  if (collector.manifests.length === 0) throw new ManifestError([`${filename.map((path) => (path === '-' ? 'stdin' : path)).join(', ')}: there is no object in it`]);
  return collector.manifests;
};

/** The server's refusal of an object, put where it belongs in its manifest. */
export const refusal = (manifest: Manifest, error: ApiError): ManifestError => {
  const causes = (error.details?.causes ?? []).filter((cause) => cause.field);
  if (causes.length === 0) return new ManifestError([`${manifest.at('')}: ${error.message}`]);
  return new ManifestError(causes.map(({ field = '', message = '' }) => `${manifest.at(field, true)}: ${field}: ${message}`));
};
