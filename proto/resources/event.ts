/** Events: a line of history about another object. */
import type { FieldError } from '../errors.ts';
import { invalidValue, oneOf, required } from './field-error.ts';
import type { Event } from './kubernetes.ts';
import { subdomainName } from './names.ts';
import type { KindRules } from './strategy.ts';

/** Events about what has no namespace live in this one. */
const clusterEventsNamespace = 'default';

const validateNamespace = (event: Event): FieldError[] => {
  const about = event.involvedObject?.namespace || clusterEventsNamespace;
  // Since events.k8s.io, cluster-scoped objects' events may also be in kube-system.
  if (!event.involvedObject?.namespace && event.eventTime && event.metadata.namespace === 'kube-system') return [];
  return about === event.metadata.namespace
    ? []
    : [invalidValue('involvedObject.namespace', event.involvedObject?.namespace ?? '', 'does not match event.namespace')];
};

/** What events of the newer form (those with an eventTime) must say. */
const validateSeries = (event: Event): FieldError[] => {
  const fields = ['reportingComponent', 'reportingInstance', 'action', 'reason'] as const;
  return [
    ...fields.filter((field) => !event[field]).map((field) => required(field === 'reportingComponent' ? 'reportingController' : field)),
    ...(event.type ? oneOf('type', event.type, ['Normal', 'Warning']) : [required('type')]),
  ];
};

export const eventRules: KindRules<Event> = {
  name: subdomainName,
  validate: (event) => [
    ...validateNamespace(event),
    ...(event.eventTime ? validateSeries(event) : []),
  ],
};
