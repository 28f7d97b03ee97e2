/** ConfigMaps, Secrets (never their values), and whatever has no description of its own. */
import type { ConfigMap, KubeObject, Secret } from '../../proto/resources/kubernetes.ts';
import { isRecord } from '../../proto/schema/records.ts';
import { type Entry, pairLines, type Value } from './layout.ts';
import { type Describer, headEntries } from './subject.ts';

const bytesOf = (base64: string): string => `${Buffer.from(base64, 'base64').length} bytes`;

export const describeConfigMap: Describer<ConfigMap> = (subject) => {
  const { data, binaryData, immutable } = subject.object;
  return [
    ...headEntries(subject),
    ['Immutable', immutable ? 'yes' : undefined],
    ['Data', { entries: Object.entries(data ?? {}).map(([name, text]): Entry => [name, text.trimEnd()]) }],
    ['Binary Data', binaryData && Object.keys(binaryData).length > 0 ? { entries: Object.entries(binaryData).map(([name, value]): Entry => [name, bytesOf(value)]) } : undefined],
  ];
};

export const describeSecret: Describer<Secret> = (subject) => {
  const { data, immutable, type } = subject.object;
  return [
    ...headEntries(subject),
    ['Type', type || 'Opaque'],
    ['Immutable', immutable ? 'yes' : undefined],
    ['Data', { entries: Object.entries(data ?? {}).map(([name, value]): Entry => [name, bytesOf(value)]) }],
  ];
};

/** `minReadySeconds` as `Min Ready Seconds`. */
const title = (field: string): string => field.replace(/^./, (first) => first.toUpperCase()).replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2');

const valueOf = (value: unknown): Value => {
  if (Array.isArray(value)) return value.every((item) => !isRecord(item)) ? pairLines(Object.fromEntries(value.map((item) => [String(item), ''])), '') : { entries: value.map((item, index): Entry => [String(index + 1), valueOf(item)]) };
  if (isRecord(value)) return { entries: Object.entries(value).map(([field, inner]): Entry => [title(field), valueOf(inner)]) };
  return String(value);
};

/** All fields, in the order in which they come. */
export const describeAnything: Describer<KubeObject> = (subject) => {
  const { apiVersion: _, kind: __, metadata: ___, ...rest } = subject.object;
  return [...headEntries(subject), ...Object.entries(rest).map(([field, value]): Entry => [title(field), valueOf(value)])];
};
