/** The scale subresource: one number, whatever kind it belongs to. It is a view of the object and is not stored. */
import type { FieldError } from '../errors.ts';
import { notNegative, required } from './field-error.ts';
import type { KubeObject, LabelSelector, Scale } from './kubernetes.ts';
import { selectorText } from './selector.ts';

interface Scalable {
  spec?: { replicas?: number; selector?: LabelSelector };
  status?: { replicas?: number };
}

/** What `GET …/scale` shows of an object that has replicas. */
export const scaleOf = (object: KubeObject): Scale => {
  const { spec, status } = object as KubeObject & Scalable;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: Object.fromEntries(
      Object.entries({ name, namespace, uid, resourceVersion, creationTimestamp }).filter(([, value]) => value !== undefined),
    ),
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, selector: selectorText(spec?.selector) },
  };
};

/** A copy of `object` with the replicas that `scale` asks for. */
export const withScale = <T extends KubeObject>(object: T, scale: Scale): T => {
  const { spec } = object as KubeObject & Scalable;
  return { ...object, spec: { ...spec, replicas: scale.spec?.replicas ?? 0 } };
};

export const validateScale = (scale: Scale): FieldError[] => [
  ...(scale.metadata?.name ? [] : [required('metadata.name', 'name or generateName is required')]),
  ...notNegative('spec.replicas', scale.spec?.replicas),
];
