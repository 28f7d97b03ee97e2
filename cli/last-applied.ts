/** The annotation that `kubectl apply` leaves, byte for byte as kubectl writes it, so that both programs can be mixed. Pure. */
import type { KubeObject } from '../proto/resources/kubernetes.ts';
import { isRecord } from '../proto/schema/records.ts';

export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

const htmlEscapes: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' };

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.keys(value).toSorted().map((key) => [key, sorted(value[key])]));
};

/** JSON as Go writes it: sorted keys, HTML's characters escaped, a newline at the end. */
const goJson = (value: unknown): string => `${JSON.stringify(sorted(value)).replaceAll(/[<>&\u2028\u2029]/g, (character) => htmlEscapes[character] ?? character)}\n`;

/** The manifest as it is sent: with its own text in the annotation. */
export const withLastApplied = (object: KubeObject): KubeObject => {
  const { [lastAppliedAnnotation]: _, ...annotations } = object.metadata.annotations ?? {};
  const bare = { ...object, metadata: { ...object.metadata, annotations } };
  return { ...bare, metadata: { ...bare.metadata, annotations: { ...annotations, [lastAppliedAnnotation]: goJson(bare) } } };
};

/** What was applied last; undefined when nothing was, or when the annotation cannot be read. */
export const lastAppliedOf = (object: KubeObject): unknown => {
  const text = object.metadata.annotations?.[lastAppliedAnnotation];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};
