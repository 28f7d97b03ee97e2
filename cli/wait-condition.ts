/** What `wait --for` may say, and whether an object is so. Pure. */
import { conditionOf } from '../proto/resources/conditions.ts';
import type { KubeObject } from '../proto/resources/kubernetes.ts';
import { UsageError } from './errors.ts';
import { evaluatePath, valueText } from './jsonpath.ts';

export type WaitCondition =
  | { readonly type: 'create' }
  | { readonly type: 'delete' }
  | { readonly type: 'condition'; readonly name: string; readonly value: string }
  /** Without a value, any value will do. */
  | { readonly type: 'jsonpath'; readonly path: string; readonly value: string | undefined };

/** Throws UsageError. */
export const parseWaitCondition = (text: string): WaitCondition => {
  if (text === 'delete' || text === 'create') return { type: text };
  const [, kind, rest = ''] = /^(condition|jsonpath)=(.+)$/s.exec(text) ?? [];
  if (kind === 'condition') {
    const [name = '', value = 'true'] = rest.split('=');
    return { type: 'condition', name, value };
  }
  if (kind === 'jsonpath') {
    const [, path = rest, value] = /^'?(\{.*?\})'?(?:=(.*))?$/s.exec(rest) ?? /^([^=]+)(?:=(.*))?$/s.exec(rest) ?? [];
    evaluatePath(path, {});
    return { type: 'jsonpath', path, value };
  }
  throw new UsageError(`--for ${text} is not known; known are condition=NAME, condition=NAME=VALUE, delete, create and jsonpath=PATH=VALUE`);
};

/** An object that is being changed has conditions of its former self until its controller has seen the change. */
const isOutdated = (object: KubeObject): boolean => {
  const seen = (object['status'] as { observedGeneration?: number } | undefined)?.observedGeneration;
  return seen !== undefined && seen < (object.metadata.generation ?? 0);
};

/** Undefined: there is no such object. */
export const isMet = (condition: WaitCondition, object: KubeObject | undefined): boolean => {
  if (condition.type === 'delete') return object === undefined;
  if (object === undefined) return false;
  if (condition.type === 'create') return true;
  if (condition.type === 'condition') {
    const found = conditionOf<{ type: string; status: string }>(
      { conditions: ((object['status'] as { conditions?: { type: string; status: string }[] } | undefined)?.conditions ?? []).map((each) => ({ ...each, type: each.type.toLowerCase() })) },
      condition.name.toLowerCase(),
    );
    return found?.status.toLowerCase() === condition.value.toLowerCase() && !isOutdated(object);
  }
  const values = evaluatePath(condition.path, object);
  return condition.value === undefined ? values.length > 0 : values.length === 1 && valueText(values[0]) === condition.value;
};

/** In words: `condition Ready`, `to be deleted`. */
export const conditionText = (condition: WaitCondition): string => {
  switch (condition.type) {
    case 'delete':
      return 'its deletion';
    case 'create':
      return 'its creation';
    case 'condition':
      return `condition ${condition.name}${condition.value === 'true' ? '' : `=${condition.value}`}`;
    case 'jsonpath':
      return `${condition.path}${condition.value === undefined ? '' : ` = ${condition.value}`}`;
  }
};
