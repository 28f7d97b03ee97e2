/**
 * YAML and JSON texts as objects that know where each of their fields stands. YAML is read as kubectl reads it:
 * version 1.1 without its times and sexagesimals, so that `0644` is an octal number and `yes` is true.
 */
import { isMap, isPair, isScalar, isSeq, LineCounter, type Node as YamlNode, type Pair, parseAllDocuments, type ScalarTag, type Tags, type YAMLParseError } from 'yaml';
import { type JsonRecord, isRecord } from '../proto/schema/records.ts';

export interface Position {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

/** What is wrong at one place of a text. */
export interface TextProblem extends Position {
  readonly message: string;
}

export interface ManifestDocument {
  readonly object: JsonRecord;
  /**
   * Where the field at `path` (`spec.containers[0].image`, `data[key]`) stands: its name, or with `ofValue` its
   * value. A field that is not there is where its nearest parent is.
   */
  locate(path: string, ofValue?: boolean): Position;
}

export interface ManifestText {
  readonly documents: readonly ManifestDocument[];
  readonly problems: readonly TextProblem[];
}

const isKubectlTag = (tag: Tags[number]): boolean =>
  typeof tag === 'string' ? tag !== 'timestamp' : tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME');

/** Octal numbers in YAML 1.2's form, which kubectl takes beside 1.1's. */
const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int', default: true, format: 'OCT', test: /^[-+]?0o[0-7]+$/,
  resolve: (text) => Number.parseInt(text.replace('0o', ''), 8),
};

const keyText = (pair: Pair): string => (isScalar(pair.key) ? String(pair.key.value) : '');

/** What is left of `path` after the step `name`; undefined when it does not begin with that step. */
const after = (path: string, name: string): string | undefined => {
  if (path.startsWith(`[${name}]`)) return path.slice(name.length + 2).replace(/^\./, '');
  if (!path.startsWith(name)) return undefined;
  const rest = path.slice(name.length);
  return rest === '' || rest.startsWith('[') ? rest : rest.startsWith('.') ? rest.slice(1) : undefined;
};

interface Found {
  readonly key: YamlNode | undefined;
  readonly value: YamlNode | undefined;
}

/** Walks as far as the text goes along; keys may hold dots, so the longest that fits is taken. */
const find = (node: YamlNode | undefined, path: string, at: Found): Found => {
  if (path === '' || node === undefined) return at;
  if (isMap(node)) {
    const fitting = node.items
      .map((pair) => ({ pair, rest: keyText(pair) === '' ? undefined : after(path, keyText(pair)) }))
      .filter(({ rest }) => rest !== undefined)
      .toSorted((a, b) => keyText(b.pair).length - keyText(a.pair).length)[0];
    if (!fitting) return at;
    const value = (fitting.pair.value ?? undefined) as YamlNode | undefined;
    return find(value, fitting.rest ?? '', { key: fitting.pair.key as YamlNode, value });
  }
  const index = /^\[(\d+)\]\.?(.*)$/s.exec(path);
  if (!isSeq(node) || !index) return at;
  const item = node.items[Number(index[1])];
  if (item === undefined || isPair(item)) return at;
  return find(item as YamlNode, index[2] ?? '', { key: item as YamlNode, value: item as YamlNode });
};

const errorText = ({ code, message }: YAMLParseError): string => (code === 'RESOURCE_EXHAUSTION' ? 'it is nested too deeply' : firstLine(message));

const firstLine = (text: string): string => text.split('\n')[0]?.replace(/:$/, '') ?? text;

/** Reads all documents of a text; empty ones are left out. Never throws for what a text may hold. */
export const parseManifest = (text: string): ManifestText => {
  const counter = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const documents: ManifestDocument[] = [];
  const problems: TextProblem[] = [];
  for (const document of parseAllDocuments(text, { version: '1.1', customTags: (tags) => [octal, ...tags.filter(isKubectlTag)], lineCounter: counter, prettyErrors: false })) {
    for (const error of document.errors.slice(0, 1)) problems.push({ ...positionAt(error.pos[0]), message: errorText(error) });
    if (document.errors.length > 0 || document.contents === null) continue;
    const root = document.contents as YamlNode;
    const start = positionAt(root.range?.[0] ?? 0);
    let object: unknown;
    try {
      object = document.toJS();
    } catch (error) {
      // Aliases without an anchor, or so many that the object would be huge.
      problems.push({ ...start, message: firstLine((error as Error).message) });
      continue;
    }
    if (object === null || object === undefined) continue;
    if (!isRecord(object)) {
      problems.push({ ...start, message: 'an object is expected: fields with values, such as "kind: Deployment"' });
      continue;
    }
    documents.push({
      object,
      locate(path, ofValue = false) {
        const { key, value } = find(root, path, { key: root, value: root });
        const offset = (ofValue && isScalar(value) ? value : (key ?? value))?.range?.[0];
        return offset === undefined ? start : positionAt(offset);
      },
    });
  }
  return { documents, problems };
};
