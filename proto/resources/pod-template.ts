/** Pod templates, and what the kinds that own pods by one have in common. */
import type { FieldError } from '../errors.ts';
import { child, forbiddenField, invalidValue, type Path, required, unsupported } from './field-error.ts';
import type { LabelSelector, PodTemplateSpec } from './kubernetes.ts';
import { validateAnnotations, validateLabels } from './metadata-validation.ts';
import { setPodSpecDefaults } from './pod-defaults.ts';
import { validatePodSpec } from './pod-validation.ts';
import { matchesSelector } from './selector.ts';
import { validateLabelSelector } from './selector-validation.ts';

export const setTemplateDefaults = (template: PodTemplateSpec | undefined): void => {
  if (template?.spec) setPodSpecDefaults(template.spec);
};

const validateTemplate = (template: PodTemplateSpec, path: Path): FieldError[] => {
  const metadata = child(path, 'metadata');
  const spec = child(path, 'spec');
  const errors = [
    ...validateLabels(template.metadata?.labels, child(metadata, 'labels')),
    ...validateAnnotations(template.metadata?.annotations, child(metadata, 'annotations')),
    ...(template.spec ? validatePodSpec(template.spec, spec) : [required(spec)]),
  ];
  // A pod that ends by itself would be replaced at once, for ever.
  if (template.spec && template.spec.restartPolicy !== 'Always') {
    errors.push(unsupported(child(spec, 'restartPolicy'), template.spec.restartPolicy ?? '', ['Always']));
  }
  if (template.spec?.activeDeadlineSeconds !== undefined && template.spec.activeDeadlineSeconds !== null) {
    errors.push(forbiddenField(child(spec, 'activeDeadlineSeconds'), 'activeDeadlineSeconds in ReplicaSet is not Supported'));
  }
  return errors;
};

/** A selector and the template whose pods it must select. `owner` is the kind's name as messages show it. */
export const validateSelectorAndTemplate = (
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
  owner: string,
): FieldError[] => {
  const errors: FieldError[] = [];
  const path = 'spec.selector';
  if (!selector) errors.push(required(path));
  else {
    errors.push(...validateLabelSelector(selector, path));
    const isEmpty = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
    if (isEmpty) errors.push(invalidValue(path, selector, `empty selector is invalid for ${owner}`));
  }
  if (!template) return [...errors, required('spec.template')];
  if (selector && errors.length === 0 && !matchesSelector(selector, template.metadata?.labels)) {
    errors.push(invalidValue('spec.template.metadata.labels', template.metadata?.labels ?? {}, '`selector` does not match template `labels`'));
  }
  return [...errors, ...validateTemplate(template, 'spec.template')];
};
