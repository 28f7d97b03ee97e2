/**
 * Protobuf messages: the numbers of their fields, in order. Types are the schema's (proto/schema); only what
 * protobuf adds is told here.
 *
 *     name          the next field
 *     17:name       the field with number 17; the next is 18
 *     name?         a pointer in Go: its zero value means something and is kept
 *     @core.v1.X    the next field is a message whose fields stand, in JSON, beside the others
 */
export const metaMessages: Readonly<Record<string, string>> = {
  'meta.v1.LabelSelector': 'matchLabels matchExpressions',
  'meta.v1.LabelSelectorRequirement': 'key operator values',
  'meta.v1.ObjectMeta':
    'name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp? ' +
    'deletionGracePeriodSeconds? labels annotations ownerReferences finalizers 17:managedFields',
  'meta.v1.OwnerReference': 'kind 3:name uid apiVersion controller? blockOwnerDeletion?',
  'meta.v1.ManagedFieldsEntry': 'manager operation apiVersion time? 6:fieldsType fieldsV1? subresource',
  'meta.v1.Condition': 'type status observedGeneration lastTransitionTime reason message',
  'meta.v1.Status': 'metadata status message reason details? code',
  'meta.v1.ListMeta': 'selfLink resourceVersion continue remainingItemCount?',
  'meta.v1.StatusDetails': 'name group kind causes retryAfterSeconds uid',
  'meta.v1.StatusCause': 'reason message field',
  'meta.v1.DeleteOptions':
    'gracePeriodSeconds? preconditions? orphanDependents? propagationPolicy? dryRun ' +
    'ignoreStoreReadErrorWithClusterBreakingPotential?',
  'meta.v1.Preconditions': 'uid? resourceVersion?',
};
