/** What a list or watch wants to see of a kind: labels and fields together. */
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { matches, parseLabelSelector } from '../../proto/resources/selector.ts';
import type { Reader } from '../store/reader.ts';
import type { Stored } from '../store/stored.ts';
import { type FieldSelector, fieldSelectorFor } from './field-selectors.ts';
import { type Query, textParameter } from './query.ts';
import { keyOf } from './write-context.ts';

export interface Selection {
  readonly kind: Kind;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** Whether everything is wanted. */
  readonly everything: boolean;
  readonly wants: (object: KubeObject) => boolean;
  readonly fields: FieldSelector | undefined;
}

/** @throws ApiError BadRequest */
export const selectionOf = (kind: Kind, namespace: string | undefined, query: Query): Selection => {
  const labelText = textParameter(query, 'labelSelector');
  const fieldText = textParameter(query, 'fieldSelector');
  const labels = labelText === undefined ? [] : parseLabelSelector(labelText);
  const fields = fieldText === undefined ? undefined : fieldSelectorFor(kind, fieldText);
  return {
    kind,
    namespace,
    everything: labels.length === 0 && fields === undefined,
    wants: (object) => matches(labels, object.metadata.labels) && (fields?.matches(object) ?? true),
    fields,
  };
};

/** Objects that may be wanted, by the narrowest way the cache has, in key order. */
const candidates = (reader: Reader, { kind, namespace, fields }: Selection): readonly Stored[] => {
  if (fields?.name !== undefined && (namespace !== undefined || !kind.namespaced)) {
    const one = reader.get(kind, keyOf(namespace ?? '', fields.name));
    return one ? [one] : [];
  }
  if (fields?.nodeName && namespace === undefined) {
    return reader.indexed(kind, 'node', fields.nodeName).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }
  return reader.list(kind, namespace);
};

/** The objects that are wanted, as the cache has them now. */
export const select = (reader: Reader, selection: Selection): readonly Stored[] => {
  const found = candidates(reader, selection);
  return selection.everything ? found : found.filter(({ object }) => selection.wants(object));
};
