/** Namespaces: emptied by a finalizer before they go. */
import { index, invalidValue } from './field-error.ts';
import type { Namespace } from './kubernetes.ts';
import { validateFinalizer } from './metadata-validation.ts';
import { labelName } from './names.ts';
import type { KindRules } from './strategy.ts';

/** The label by which selectors can name one namespace. */
const nameLabel = 'kubernetes.io/metadata.name';

export const namespaceRules: KindRules<Namespace> = {
  name: labelName,
  setDefaults(namespace) {
    if (namespace.metadata.name) namespace.metadata.labels = { ...namespace.metadata.labels, [nameLabel]: namespace.metadata.name };
  },
  initialStatus: () => ({ phase: 'Active' }),
  prepareForCreate(namespace) {
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec = {
      ...namespace.spec,
      finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'],
    };
  },
  prepareForUpdate(namespace, old, subresource) {
    // Only the finalize subresource removes what holds a namespace back.
    if (subresource === '') namespace.spec = { ...namespace.spec, finalizers: old.spec?.finalizers ?? [] };
  },
  validate: (namespace) =>
    (namespace.spec?.finalizers ?? []).flatMap((finalizer, at) => validateFinalizer(finalizer, index('spec.finalizers', at))),
  validateStatus(namespace) {
    const isDeleted = Boolean(namespace.metadata.deletionTimestamp);
    const phase = namespace.status?.phase ?? '';
    if (isDeleted && phase !== 'Terminating') {
      return [invalidValue('status.Phase', phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")];
    }
    if (!isDeleted && phase !== 'Active') return [invalidValue('status.Phase', phase, "may only be 'Active' if `deletionTimestamp` is empty")];
    return [];
  },
};
