/** Conditions: the list of named, timestamped verdicts in most kinds' status. */
import { timestamp } from '../process/clock.ts';

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export const conditionOf = <C extends { type: string }>(
  status: { readonly conditions?: readonly C[] | null | undefined } | undefined | null,
  type: string,
): C | undefined => status?.conditions?.find((condition) => condition.type === type);

/**
 * The list with `condition` in it, in place of the one of the same type. lastTransitionTime tells when the status
 * last changed, so it is kept while that stays the same. The given list is not changed.
 */
export const setCondition = <C extends Condition>(
  conditions: readonly C[] | null | undefined,
  condition: C,
  nowMs: number,
): C[] => {
  const present = conditions ?? [];
  const previous = present.find(({ type }) => type === condition.type);
  const kept = previous?.status === condition.status ? previous.lastTransitionTime : undefined;
  const next = { ...condition, lastTransitionTime: kept ?? condition.lastTransitionTime ?? timestamp(nowMs) };
  return previous ? present.map((other) => (other === previous ? next : other)) : [...present, next];
};
