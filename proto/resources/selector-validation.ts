/** What a label selector in an object may look like. */
import type { FieldError } from '../errors.ts';
import { broken, child, forbiddenField, index, invalidValue, key, type Path, required } from './field-error.ts';
import type { LabelSelector } from './kubernetes.ts';
import { labelValue, qualifiedName } from './names.ts';

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

const validateExpression = (expression: Expression, path: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const values = expression.values ?? [];
  switch (expression.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) errors.push(required(child(path, 'values'), "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) errors.push(forbiddenField(child(path, 'values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    default:
      errors.push(invalidValue(child(path, 'operator'), expression.operator, 'not a valid selector operator'));
  }
  return [
    ...errors,
    ...broken(child(path, 'key'), expression.key ?? '', qualifiedName),
    ...values.flatMap((value, at) => broken(index(child(path, 'values'), at), value, labelValue)),
  ];
};

export const validateLabelSelector = (selector: LabelSelector | null | undefined, path: Path): FieldError[] => [
  ...Object.entries(selector?.matchLabels ?? {}).flatMap(([name, value]) => [
    ...broken(child(path, 'matchLabels'), name, qualifiedName),
    ...broken(key(child(path, 'matchLabels'), name), value, labelValue),
  ]),
  ...(selector?.matchExpressions ?? []).flatMap((expression, at) =>
    validateExpression(expression, index(child(path, 'matchExpressions'), at)),
  ),
];
