/**
 * The syntax of kubectl's JSONPath templates: text with expressions in braces, `{range .items[*]}{.metadata.name}{"\n"}{end}`.
 * Parses; jsonpath.ts evaluates.
 */
import { UsageError } from './errors.ts';

export type Step =
  | { readonly type: 'field'; readonly name: string }
  /** `*`: every value of an object or list. */
  | { readonly type: 'all' }
  /** `..`: the value and everything below it. */
  | { readonly type: 'descend' }
  | { readonly type: 'union'; readonly picks: readonly (string | number)[] }
  | { readonly type: 'slice'; readonly from: number | undefined; readonly to: number | undefined; readonly by: number }
  | { readonly type: 'filter'; readonly left: Operand; readonly operator: Comparison | undefined; readonly right: Operand | undefined };

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

export interface Path {
  /** `$` starts at the whole input, everything else at the present item. */
  readonly fromRoot: boolean;
  readonly steps: readonly Step[];
}

export type Operand = Path | { readonly literal: string | number | boolean };

export type Part =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'path'; readonly path: Path }
  | { readonly type: 'range'; readonly path: Path; readonly body: readonly Part[] };

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
const unescape = (text: string): string => text.replaceAll(/\\(.)/gs, (_, character: string) => escapes[character] ?? character);

/** One expression; reads from left to right. */
class Expression {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.trim();
  }

  fail(why: string): never {
    throw new UsageError(`jsonpath: ${why} in {${this.#text}}${this.#at < this.#text.length ? ` at "${this.#text.slice(this.#at)}"` : ''}`);
  }

  /** The match of a sticky pattern here, passed over. */
  #take(pattern: RegExp): RegExpExecArray | undefined {
    const sticky = new RegExp(pattern.source, 'ys');
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (match) this.#at = sticky.lastIndex;
    return match ?? undefined;
  }

  #expect(pattern: RegExp, what: string): RegExpExecArray {
    return this.#take(pattern) ?? this.fail(`${what} expected`);
  }

  #quoted(): string | undefined {
    const match = this.#take(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/);
    return match && unescape(match[1] ?? match[2] ?? '');
  }

  /** The whole expression as something to print. */
  whole(): Part {
    const text = this.#quoted();
    const part: Part = text === undefined ? { type: 'path', path: this.path() } : { type: 'text', text };
    this.end();
    return part;
  }

  end(): void {
    if (this.#at < this.#text.length) this.fail('unexpected text');
  }

  path(): Path {
    const start = this.#take(/[$@]/)?.[0];
    const steps: Step[] = [];
    // kubectl lets the first dot be left out.
    const bare = start === undefined ? this.#take(/[A-Za-z_][\w-]*/)?.[0] : undefined;
    if (bare !== undefined) steps.push({ type: 'field', name: bare });
    for (;;) {
      if (this.#take(/\.\./)) {
        steps.push({ type: 'descend' });
        if (!/[[.]/.test(this.#text[this.#at] ?? '')) this.#name(steps);
      } else if (this.#take(/\.(?=\[)/)) continue;
      else if (this.#take(/\./)) this.#name(steps);
      else if (this.#take(/\[\s*/)) this.#bracket(steps);
      else break;
    }
    if (start === undefined && steps.length === 0 && this.#text !== '.') this.fail('a path expected');
    return { fromRoot: start === '$', steps };
  }

  #name(steps: Step[]): void {
    if (this.#take(/\*/)) {
      steps.push({ type: 'all' });
      return;
    }
    const name = this.#take(/(?:[^\s.[\](){}'"$@?*,:=!<>|&\\]|\\.)+/)?.[0];
    if (name !== undefined) steps.push({ type: 'field', name: name.replaceAll(/\\(.)/gs, '$1') });
    // A lone dot is the item itself.
    else if (this.#at < this.#text.length) this.fail('a field name expected');
  }

  #bracket(steps: Step[]): void {
    if (this.#take(/\?\s*\(\s*/)) {
      steps.push(this.#filter());
      return;
    }
    if (this.#take(/\*\s*\]/)) {
      steps.push({ type: 'all' });
      return;
    }
    const slice = this.#take(/(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(-?\d+))?\s*\]/);
    if (slice) {
      const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
      const by = number(slice[3]) ?? 1;
      if (by <= 0) this.fail('a step above 0 expected');
      steps.push({ type: 'slice', from: number(slice[1]), to: number(slice[2]), by });
      return;
    }
    const picks: (string | number)[] = [];
    do picks.push(this.#quoted() ?? this.#pick());
    while (this.#take(/\s*,\s*/));
    this.#expect(/\s*\]/, '"]"');
    steps.push({ type: 'union', picks });
  }

  #pick(): string | number {
    const match = this.#expect(/(-?\d+)(?=\s*[\],])|([\w.-]+)/, 'an index, a quoted name, "*" or "?("');
    return match[1] === undefined ? (match[2] ?? '') : Number(match[1]);
  }

  #filter(): Step {
    const left = this.#operand();
    const operator = this.#take(/\s*(==|!=|<=|>=|<|>)\s*/)?.[1] as Comparison | undefined;
    const right = operator === undefined ? undefined : this.#operand();
    this.#expect(/\s*\)\s*\]/, '")]"');
    return { type: 'filter', left, operator, right };
  }

  #operand(): Operand {
    const text = this.#quoted();
    if (text !== undefined) return { literal: text };
    const number = this.#take(/-?\d+(?:\.\d+)?/)?.[0];
    if (number !== undefined) return { literal: Number(number) };
    const truth = this.#take(/(?:true|false)\b/)?.[0];
    if (truth !== undefined) return { literal: truth === 'true' };
    return this.path();
  }
}

/** Where the expression that opens before `start` closes; braces in quotes do not count. */
const closingBrace = (template: string, start: number): number => {
  let quote = '';
  for (let at = start; at < template.length; at += 1) {
    const character = template[at] ?? '';
    if (character === '\\') at += 1;
    else if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '}') return at;
  }
  throw new UsageError(`jsonpath: no "}" closes ${template.slice(start - 1)}`);
};

/** A path by itself, with or without braces: `.status.phase`, `{.status.phase}`. Throws UsageError. */
export const parsePath = (text: string): Path => {
  const expression = new Expression(text.replace(/^\{(.*)\}$/s, '$1'));
  const path = expression.path();
  expression.end();
  return path;
};

/** Throws UsageError. */
export const parseTemplate = (template: string): readonly Part[] => {
  const parts: Part[] = [];
  const open: { path: Path; outer: Part[] }[] = [];
  let into = parts;
  let at = 0;
  while (at < template.length) {
    const brace = template.indexOf('{', at);
    const end = brace < 0 ? template.length : brace;
    if (end > at) into.push({ type: 'text', text: template.slice(at, end) });
    if (brace < 0) break;
    const close = closingBrace(template, brace + 1);
    const inside = template.slice(brace + 1, close).trim();
    at = close + 1;
    if (/^range\b/.test(inside)) {
      const body: Part[] = [];
      const path = parsePath(inside.slice('range'.length).trim());
      into.push({ type: 'range', path, body });
      open.push({ path, outer: into });
      into = body;
    } else if (inside === 'end') {
      const range = open.pop();
      if (!range) throw new UsageError('jsonpath: {end} without {range}');
      into = range.outer;
    } else into.push(new Expression(inside).whole());
  }
  if (open.length > 0) throw new UsageError('jsonpath: {range} without {end}');
  return parts;
};
