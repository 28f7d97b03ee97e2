/** Evaluates kubectl's JSONPath templates on JSON values. Pure. */
import { type JsonRecord, getOwn, isRecord } from '../proto/schema/records.ts';
import { type Comparison, type Operand, type Part, parsePath, parseTemplate, type Path, type Step } from './jsonpath-syntax.ts';

/** An index that the list does not have; fields that are missing are no error, as in kubectl. */
export class JsonPathError extends Error {
  override readonly name = 'JsonPathError';
}

const childrenOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : []);

const descendants = (value: unknown): unknown[] => [value, ...childrenOf(value).flatMap(descendants)];

const pickOf = (value: unknown, pick: string | number): unknown[] => {
  if (typeof pick === 'string' || isRecord(value)) {
    const found = isRecord(value) ? getOwn(value, String(pick)) : undefined;
    return found === undefined ? [] : [found];
  }
  if (!Array.isArray(value)) return [];
  const at = pick < 0 ? value.length + pick : pick;
  if (at < 0 || at >= value.length) throw new JsonPathError(`jsonpath: there is no item ${pick} in a list of ${value.length}`);
  return [value[at]];
};

const sliceOf = (value: unknown, { from = 0, to, by }: Extract<Step, { type: 'slice' }>): unknown[] =>
  Array.isArray(value) ? value.slice(from, to).filter((_, index) => index % by === 0) : [];

const compare = (left: unknown, operator: Comparison, right: unknown): boolean => {
  if (operator === '==') return left === right;
  if (operator === '!=') return left !== right;
  if (typeof left !== typeof right || (typeof left !== 'number' && typeof left !== 'string')) return false;
  const [a, b] = [left, right as typeof left];
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
};

const operandsOf = (operand: Operand, item: unknown, root: unknown): unknown[] =>
  'literal' in operand ? [operand.literal] : valuesAt(operand, item, root);

const isKept = ({ left, operator, right }: Extract<Step, { type: 'filter' }>, item: unknown, root: unknown): boolean => {
  const found = operandsOf(left, item, root);
  if (operator === undefined || right === undefined) return found.length > 0;
  const wanted = operandsOf(right, item, root);
  return found.length > 0 && wanted.length > 0 && found.every((value) => compare(value, operator, wanted[0]));
};

const stepFrom = (step: Step, value: unknown, root: unknown): unknown[] => {
  switch (step.type) {
    case 'field':
      return isRecord(value) ? [getOwn(value, step.name)].filter((found) => found !== undefined) : [];
    case 'all':
      return [...childrenOf(value)];
    case 'descend':
      return descendants(value);
    case 'union':
      return step.picks.flatMap((pick) => pickOf(value, pick));
    case 'slice':
      return sliceOf(value, step);
    case 'filter':
      return childrenOf(value).filter((item) => isKept(step, item, root));
  }
};

/** All values that `path` leads to. Throws JsonPathError. */
export const valuesAt = (path: Path, item: unknown, root: unknown = item): unknown[] => {
  let values: unknown[] = [path.fromRoot ? root : item];
  for (const step of path.steps) values = values.flatMap((value) => stepFrom(step, value, root));
  return values;
};

/** A value as templates print it: text as it is, lists and objects as JSON. */
export const valueText = (value: unknown): string => (typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value));

const render = (parts: readonly Part[], item: unknown, root: unknown): string =>
  parts
    .map((part) => {
      if (part.type === 'text') return part.text;
      const values = valuesAt(part.path, item, root);
      if (part.type === 'path') return values.map(valueText).join(' ');
      return values.map((value) => render(part.body, value, root)).join('');
    })
    .join('');

/** The text of a template. Throws UsageError (syntax), JsonPathError. */
export const evaluateTemplate = (template: string, value: unknown): string => render(parseTemplate(template), value, value);

/** The values of one path, with or without braces. Throws UsageError (syntax), JsonPathError. */
export const evaluatePath = (path: string, value: unknown): unknown[] => valuesAt(parsePath(path), value as JsonRecord);
