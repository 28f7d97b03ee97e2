/** Label selectors in both forms (query text and object), and field selectors. */
import { type ApiError, badRequest } from '../errors.ts';
import type { LabelSelector } from './kubernetes.ts';
import { labelValue, qualifiedName } from './names.ts';

export type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  /** Empty for Exists and DoesNotExist. */
  readonly values: readonly string[];
}

export interface FieldRequirement {
  /** Such as `metadata.name`, `spec.nodeName`. */
  readonly field: string;
  readonly value: string;
  /** True for `!=`. */
  readonly negated: boolean;
}

type Labels = Readonly<Record<string, string>> | undefined;

const unparsable = (text: string, why: string): ApiError => badRequest(`unable to parse requirement: ${why} in ${JSON.stringify(text)}`);

/** Splits at commas that are not between parentheses: those separate the values of one requirement. */
const splitTerms = (text: string): string[] => {
  const terms: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    else if (character === ',' && depth === 0) {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
    if (depth < 0 || depth > 1) throw unparsable(text, 'unbalanced parentheses');
  }
  if (depth !== 0) throw unparsable(text, 'unbalanced parentheses');
  terms.push(text.slice(start));
  return terms.map((term) => term.trim());
};

const parseTerm = (term: string, text: string): Requirement => {
  const set = /^(\S+)\s+(in|notin)\s*\((.*)\)$/s.exec(term);
  if (set) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return { key: set[1] ?? '', operator: set[2] === 'in' ? 'In' : 'NotIn', values };
  }
  const comparison = /^([^\s=!<>]+)\s*(==|=|!=|>|<)\s*([^\s=!<>()]*)$/.exec(term);
  if (comparison) {
    const [, key = '', sign = '', value = ''] = comparison;
    const operator = sign === '!=' ? 'NotIn' : sign === '>' ? 'Gt' : sign === '<' ? 'Lt' : 'In';
    return { key, operator, values: [value] };
  }
  const existence = /^(!?)\s*([^\s=!<>()]+)$/.exec(term);
  if (existence) return { key: existence[2] ?? '', operator: existence[1] ? 'DoesNotExist' : 'Exists', values: [] };
  throw unparsable(text, `found ${JSON.stringify(term)}, expected a label requirement`);
};

const check = (requirement: Requirement, text: string): void => {
  const key = qualifiedName(requirement.key)[0];
  if (key) throw unparsable(text, `key: Invalid value: ${JSON.stringify(requirement.key)}: ${key}`);
  for (const value of requirement.values) {
    const wrong =
      requirement.operator === 'Gt' || requirement.operator === 'Lt'
        ? /^-?\d+$/.test(value) ? undefined : 'must be an integer'
        : labelValue(value)[0];
    if (wrong) throw unparsable(text, `values: Invalid value: ${JSON.stringify(value)}: ${wrong}`);
  }
};

/**
 * The query form, `a=b,c!=d,e in (x,y),!f,g`. Empty text selects everything.
 *
 * @throws ApiError BadRequest
 */
export const parseLabelSelector = (text: string): Requirement[] => {
  if (text.trim() === '') return [];
  return splitTerms(text).map((term) => {
    const requirement = parseTerm(term, text);
    check(requirement, text);
    return requirement;
  });
};

/** Selects nothing: no value is in an empty set. */
const nothing: Requirement = { key: '', operator: 'In', values: [] };

const operators: ReadonlySet<string> = new Set<Operator>(['In', 'NotIn', 'Exists', 'DoesNotExist']);

/** The object form. As in Kubernetes, no selector selects nothing and an empty one everything; an unknown operator selects nothing. */
export const requirementsOf = (selector: LabelSelector | null | undefined): Requirement[] => {
  if (!selector) return [nothing];
  const labels = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: 'In', values: [value] }),
  );
  const expressions = (selector.matchExpressions ?? []).map((expression): Requirement =>
    operators.has(expression.operator)
      ? { key: expression.key, operator: expression.operator as Operator, values: expression.values ?? [] }
      : nothing,
  );
  return [...labels, ...expressions];
};

const meets = ({ key, operator, values }: Requirement, labels: Labels): boolean => {
  const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default: {
      if (value === undefined || !/^-?\d+$/.test(value)) return false;
      const [left, right] = [BigInt(value), BigInt(values[0] ?? '0')];
      return operator === 'Gt' ? left > right : left < right;
    }
  }
};

export const matches = (requirements: readonly Requirement[], labels: Labels): boolean =>
  requirements.every((requirement) => meets(requirement, labels));

export const matchesSelector = (selector: LabelSelector | null | undefined, labels: Labels): boolean =>
  matches(requirementsOf(selector), labels);

const list = (values: readonly string[] | null | undefined): string => `(${(values ?? []).toSorted().join(',')})`;

/** The query form of an object selector, as `status.selector` of a Scale carries it: sorted by key. */
export const selectorText = (selector: LabelSelector | null | undefined): string => {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({ key, text: `${key}=${value}` }));
  const expressions = (selector?.matchExpressions ?? []).map(({ key, operator, values }) => {
    const text =
      operator === 'In' ? `${key} in ${list(values)}`
      : operator === 'NotIn' ? `${key} notin ${list(values)}`
      : operator === 'Exists' ? key
      : `!${key}`;
    return { key, text };
  });
  return [...labels, ...expressions]
    .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ text }) => text)
    .join(',');
};

/** Splits at commas that no backslash protects. */
const splitFieldTerms = (text: string): string[] => text.match(/(?:\\.|[^,\\])+/gs) ?? [];

const unescape = (value: string, text: string): string => {
  if (/(?:^|[^\\])(?:\\\\)*\\(?:[^\\,=]|$)/s.test(value)) throw badRequest(`invalid field selector: bad escape in ${JSON.stringify(text)}`);
  return value.replace(/\\(.)/gs, '$1');
};

/**
 * `spec.nodeName=n1,status.phase!=Failed`; a backslash protects `,`, `=` and itself in a value.
 *
 * @throws ApiError BadRequest
 */
export const parseFieldSelector = (text: string): FieldRequirement[] =>
  splitFieldTerms(text).map((term) => {
    const match = /^([^=!\\]+)(!=|==|=)(.*)$/s.exec(term);
    if (!match) throw badRequest(`invalid selector: ${JSON.stringify(text)}; can't understand ${JSON.stringify(term)}`);
    const [, field = '', sign, value = ''] = match;
    return { field: field.trim(), value: unescape(value, text), negated: sign === '!=' };
  });
