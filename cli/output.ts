/** The forms that objects can be printed in besides tables. */
import type { KubeObject } from '../proto/resources/kubernetes.ts';
import { kindOf } from '../proto/kinds.ts';
import { UsageError } from './errors.ts';
import { displayName } from './selection.ts';

export type OutputForm =
  | { readonly type: 'table'; readonly wide: boolean }
  | { readonly type: 'yaml' | 'json' | 'name' }
  | { readonly type: 'jsonpath'; readonly template: string };

/** Throws UsageError. */
export const parseOutput = (text: string | undefined): OutputForm => {
  if (text === undefined || text === '') return { type: 'table', wide: false };
  if (text === 'wide') return { type: 'table', wide: true };
  if (text === 'yaml' || text === 'json' || text === 'name') return { type: text };
  if (text.startsWith('jsonpath=')) return { type: 'jsonpath', template: text.slice('jsonpath='.length) };
  throw new UsageError(`-o ${text} is not known; known are wide, yaml, json, name and jsonpath=TEMPLATE`);
};

/** One object as it is, several as a List. */
const document = (objects: readonly KubeObject[], asList: boolean): object =>
  asList ? { apiVersion: 'v1', kind: 'List', items: objects, metadata: { resourceVersion: '' } } : (objects[0] ?? {});

/** Long machine-made fields that say nothing to a person are left out, as kubectl does. */
const withoutManagedFields = (object: KubeObject): KubeObject => {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
};

/** The text of `objects` in a form other than a table. */
export const formatObjects = async (objects: readonly KubeObject[], form: Exclude<OutputForm, { type: 'table' }>, asList: boolean): Promise<string> => {
  const shown = objects.map(withoutManagedFields);
  switch (form.type) {
    case 'json':
      return `${JSON.stringify(document(shown, asList), undefined, 4)}\n`;
    case 'yaml':
      return (await import('yaml')).stringify(document(shown, asList), { lineWidth: 0 });
    case 'jsonpath':
      return (await import('./jsonpath.ts')).evaluateTemplate(form.template, document(shown, asList));
    case 'name':
      return shown.map((object) => {
        const kind = kindOf(object.apiVersion, object.kind);
        return `${kind ? displayName(kind, object.metadata.name ?? '') : (object.metadata.name ?? '')}\n`;
      }).join('');
  }
};
