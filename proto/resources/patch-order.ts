/**
 * The order of a merged list: items that the patch's author knows stand as the author ordered them, the others as
 * they stood; between the two, the present order decides where it can, and new items come last.
 */
import { getOwn, isRecord } from '../schema/records.ts';

/** What tells an item apart: its merge key, or itself in a list of scalars. */
export const itemKey = (item: unknown, key: string | undefined): unknown =>
  key !== undefined && isRecord(item) ? getOwn(item, key) : item;

const positions = (items: readonly unknown[], key: string | undefined): Map<unknown, number> => {
  const found = new Map<unknown, number>();
  for (const [index, item] of items.entries()) {
    const name = itemKey(item, key);
    if (!found.has(name)) found.set(name, index);
  }
  return found;
};

const sorted = (items: readonly unknown[], order: ReadonlyMap<unknown, number>, key: string | undefined): unknown[] =>
  [...items].sort((a, b) => (order.get(itemKey(a, key)) ?? order.size) - (order.get(itemKey(b, key)) ?? order.size));

/** `merged` ordered: `known` is the author's order (items or just their keys), `original` the list as it was. */
export const mergedOrder = (
  merged: readonly unknown[],
  known: readonly unknown[],
  original: readonly unknown[],
  key: string | undefined,
): readonly unknown[] => {
  const knownAt = positions(known, key);
  const originalAt = positions(original, key);
  const isKnown = (item: unknown): boolean => knownAt.has(itemKey(item, key));
  const mine = sorted(merged.filter(isKnown), knownAt, key);
  const others = sorted(merged.filter((item) => !isKnown(item)), originalAt, key);
  const result: unknown[] = [];
  let next = 0;
  for (const item of mine) {
    const at = originalAt.get(itemKey(item, key)) ?? Number.POSITIVE_INFINITY;
    while (next < others.length && (originalAt.get(itemKey(others[next], key)) ?? -1) < at) {
      result.push(others[next]);
      next += 1;
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
};
