/**
 * JSON text with what `JSON.parse` alone does not tell: which keys an object had twice, and nesting beyond what
 * anything behind here should have to walk through.
 */
import { badRequest } from '../../proto/errors.ts';
import { jsonNestingMax } from '../limits.ts';
import { syntaxErrorPosition } from './json-syntax.ts';

export interface ParsedText {
  readonly value: unknown;
  /** Paths of fields that were given more than once: `spec.replicas`, `spec.containers[0].name`. */
  readonly duplicates: readonly string[];
}

/** A body with more is wrong in a way that needs no complete list. */
const duplicatesMax = 100;

interface Container {
  /** Keys seen so far; undefined for an array. */
  readonly keys: Set<string> | undefined;
  /** The key or index that the next value belongs to. */
  key: string | number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** The index behind the string that begins at `start`. */
const stringEnd = (text: string, start: number): number => {
  for (let index = start + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === backslash) index += 1;
    else if (code === quote) return index + 1;
  }
  return text.length;
};

const pathOf = (containers: readonly Container[], last: string): string => {
  let path = '';
  for (const { keys, key } of containers.slice(0, -1)) path += keys === undefined ? `[${key}]` : `${path && '.'}${key}`;
  return `${path}${path && '.'}${last}`;
};

/**
 * The keys given twice, if the text is valid JSON. Throws ApiError BadRequest at too deep nesting, valid or not, and
 * may throw SyntaxError for a key that is no string.
 */
const scan = (text: string): string[] => {
  const duplicates: string[] = [];
  const containers: Container[] = [];
  let expectsKey = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const top = containers[containers.length - 1];
    if (code === quote) {
      const end = stringEnd(text, index);
      if (expectsKey && top?.keys !== undefined) {
        const raw = text.slice(index, end);
        const key = raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1);
        if (top.keys.has(key) && duplicates.length < duplicatesMax) duplicates.push(pathOf(containers, key));
        top.keys.add(key);
        top.key = key;
      }
      index = end - 1;
    } else if (code === openBrace || code === openBracket) {
      if (containers.length >= jsonNestingMax) throw badRequest(`the body is nested deeper than ${jsonNestingMax} levels, at position ${index}`);
      containers.push(code === openBrace ? { keys: new Set(), key: '' } : { keys: undefined, key: 0 });
      expectsKey = code === openBrace;
    } else if (code === closeBrace || code === closeBracket) {
      containers.pop();
      expectsKey = false;
    } else if (code === comma && top !== undefined) {
      expectsKey = top.keys !== undefined;
      if (typeof top.key === 'number') top.key += 1;
    } else if (code === colon) {
      expectsKey = false;
    }
  }
  return duplicates;
};

/** Without the body's own words, which may be secrets. */
const syntaxText = (text: string): string => {
  const position = syntaxErrorPosition(text);
  return position >= text.length ? `it ends too early, at position ${text.length}` : `unexpected text at position ${position}`;
};

/** Throws ApiError BadRequest, naming the position, for what is no JSON and for nesting beyond `jsonNestingMax`. */
export const parseJson = (text: string): ParsedText => {
  try {
    // First, so that nothing that is nested without end gets to the parser.
    const duplicates = scan(text);
    return { value: JSON.parse(text) as unknown, duplicates };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badRequest(`the body is not valid JSON: ${syntaxText(text)}`);
  }
};
