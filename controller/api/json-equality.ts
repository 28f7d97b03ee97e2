/** Equality of JSON values, in which an absent field, an undefined one and a null one are the same. */
type Fields = Readonly<Record<string, unknown>>;

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A key called `constructor` is data, not what every object inherits. */
const own = (fields: Fields, name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined);

const sameFields = (left: Fields, right: Fields): boolean => {
  for (const name in left) {
    if (!sameJson(left[name], own(right, name))) return false;
  }
  for (const name in right) {
    if (!Object.hasOwn(left, name) && !isAbsent(right[name])) return false;
  }
  return true;
};

/** Whether two values say the same, whatever the order of their fields. */
export const sameJson = (left: unknown, right: unknown): boolean => {
  if (left === right) return true;
  if (isAbsent(left) || isAbsent(right)) return isAbsent(left) && isAbsent(right);
  if (Array.isArray(left)) {
    return Array.isArray(right) && left.length === right.length && left.every((item, index) => sameJson(item, right[index]));
  }
  return isObject(left) && isObject(right) && sameFields(left, right);
};
