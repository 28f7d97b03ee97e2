/**
 * The fields that hold quantities (`500m`, `1Gi`). The client package calls them strings, but JSON may carry a
 * quantity as a number too, so the schema has to know them. Source: Kubernetes' OpenAPI, `…api.resource.Quantity`.
 */
export const quantityFields: Readonly<Record<string, readonly string[]>> = {
  'core.v1.ContainerStatus': ['allocatedResources'],
  'core.v1.EmptyDirVolumeSource': ['sizeLimit'],
  'core.v1.LimitRangeItem': ['default', 'defaultRequest', 'max', 'maxLimitRequestRatio', 'min'],
  'core.v1.NodeStatus': ['allocatable', 'capacity'],
  'core.v1.PersistentVolumeClaimStatus': ['allocatedResources', 'capacity'],
  'core.v1.PersistentVolumeSpec': ['capacity'],
  'core.v1.PodSpec': ['overhead'],
  'core.v1.ResourceFieldSelector': ['divisor'],
  'core.v1.ResourceQuotaSpec': ['hard'],
  'core.v1.ResourceQuotaStatus': ['hard', 'used'],
  'core.v1.ResourceRequirements': ['limits', 'requests'],
  'core.v1.VolumeResourceRequirements': ['limits', 'requests'],
  'autoscaling.v2.MetricTarget': ['averageValue', 'value'],
  'autoscaling.v2.MetricValueStatus': ['averageValue', 'value'],
};

export const isQuantity = (shortTypeName: string, field: string): boolean =>
  Object.hasOwn(quantityFields, shortTypeName) && (quantityFields[shortTypeName]?.includes(field) ?? false);
