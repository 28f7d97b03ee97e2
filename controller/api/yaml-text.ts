/** YAML text as JSON values: one document, no custom types, duplicates found, aliases bounded. */
import type * as yamlPackage from 'yaml';
import { ApiError, badRequest } from '../../proto/errors.ts';
import { jsonNestingMax, yamlAliasesMax, yamlBytesMax } from '../limits.ts';
import type { ParsedText } from './json-text.ts';

type Yaml = typeof yamlPackage;

const duplicatesMax = 100;

const nameOf = (yaml: Yaml, key: unknown): string => (yaml.isScalar(key) ? String(key.value) : String(key));

const malformed = (why: string, cause?: unknown): ApiError =>
  new ApiError('BadRequest', `the body is not valid YAML: ${why}`, undefined, { cause });

class Duplicates {
  readonly paths: string[] = [];
  readonly #yaml: Yaml;
  /** Anchors of the nodes that are being visited: an alias of one would make the value contain itself. */
  readonly #open = new Set<string>();

  constructor(yaml: Yaml) {
    this.#yaml = yaml;
  }

  collect(node: unknown, path: string, depth: number): void {
    if (depth > jsonNestingMax) throw badRequest(`the body is nested deeper than ${jsonNestingMax} levels`);
    if (this.#yaml.isAlias(node)) {
      if (this.#open.has(node.source)) throw malformed('it contains itself');
    } else if (this.#yaml.isCollection(node)) {
      const anchor = node.anchor;
      const isOuter = anchor !== undefined && !this.#open.has(anchor);
      if (isOuter) this.#open.add(anchor);
      this.#visit(node, path, depth);
      if (isOuter) this.#open.delete(anchor);
    }
  }

  #visit(node: unknown, path: string, depth: number): void {
    if (this.#yaml.isSeq(node)) {
      for (const [index, item] of node.items.entries()) this.collect(item, `${path}[${index}]`, depth + 1);
    } else if (this.#yaml.isMap(node)) {
      const seen = new Set<string>();
      for (const { key, value } of node.items) {
        const name = nameOf(this.#yaml, key);
        const at = path === '' ? name : `${path}.${name}`;
        if (seen.has(name) && this.paths.length < duplicatesMax) this.paths.push(at);
        seen.add(name);
        this.collect(value, at, depth + 1);
      }
    }
  }
}

/**
 * A first look before the parser, which takes seconds to stumble over a megabyte of brackets. Brackets in strings
 * count too, so the bound is far above what text with a stray bracket reaches.
 */
const unmatchedBracketsMax = 1_000;
const dashes = /(?:- ){200}/;

const isBomb = (text: string): boolean => {
  let open = 0;
  for (let index = 0; index < text.length && open <= unmatchedBracketsMax; index += 1) {
    const code = text.charCodeAt(index);
    // [ and {, then ] and }
    if (code === 0x5b || code === 0x7b) open += 1;
    else if ((code === 0x5d || code === 0x7d) && open > 0) open -= 1;
  }
  return open > unmatchedBracketsMax || dashes.test(text);
};

/** Throws ApiError BadRequest for what is no YAML, for several documents, deep nesting and too many aliases. */
export const parseYaml = async (text: string): Promise<ParsedText> => {
  if (text.length > yamlBytesMax) throw new ApiError('RequestEntityTooLarge', `a YAML body may have ${yamlBytesMax} bytes`);
  if (isBomb(text)) throw malformed('it is nested too deep');
  // Seldom needed and not small: loaded with the first YAML body.
  const yaml = await import('yaml');
  try {
    const documents = yaml.parseAllDocuments(text, { uniqueKeys: false, merge: true, logLevel: 'silent', prettyErrors: false });
    if (!Array.isArray(documents) || documents.length === 0) return { value: null, duplicates: [] };
    const [document] = documents;
    if (documents.length > 1 || document === undefined) throw badRequest('the body has more than one YAML document');
    const [error] = document.errors;
    if (error !== undefined) throw malformed(`unexpected text at position ${error.pos[0]}`, error);
    const duplicates = new Duplicates(yaml);
    duplicates.collect(document.contents, '', 0);
    return { value: document.toJS({ maxAliasCount: yamlAliasesMax }) as unknown, duplicates: duplicates.paths };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (error instanceof RangeError) throw malformed('it is nested too deep', error);
    if (error instanceof ReferenceError) throw malformed('its aliases unfold to too much', error);
    throw error;
  }
};
