/** Environment variables and the fields of a pod that they, and downward API files, can show. */
import type { FieldError } from '../errors.ts';
import { broken, child, index, invalidValue, type Path, required, unsupported } from './field-error.ts';
import type { EnvFromSource, EnvVar } from './kubernetes.ts';
import { dataKey, environmentName, qualifiedName, subdomainName } from './names.ts';
import { isQuantity } from './quantity.ts';

type ValueFrom = NonNullable<EnvVar['valueFrom']>;
type FieldRef = NonNullable<ValueFrom['fieldRef']>;
type ResourceRef = NonNullable<ValueFrom['resourceFieldRef']>;

const environmentFields = [
  'metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName',
  'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs',
];

export const fileFields = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];

const resourcePattern = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/;
const resourceNames = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory'];

/** `supported` are the paths without a subscript; one label or annotation (`metadata.labels['app']`) is always allowed. */
export const validateFieldRef = (ref: FieldRef, path: Path, supported: readonly string[] = environmentFields): FieldError[] => {
  const here = child(path, 'fieldPath');
  if (ref.apiVersion && ref.apiVersion !== 'v1') return [invalidValue(child(path, 'apiVersion'), ref.apiVersion, 'must be v1')];
  if (!ref.fieldPath) return [required(here)];
  const subscripted = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(ref.fieldPath);
  if (!subscripted) return supported.includes(ref.fieldPath) ? [] : [unsupported(here, ref.fieldPath, supported)];
  const [, map, name = ''] = subscripted;
  return broken(here, map === 'annotations' ? name.toLowerCase() : name, qualifiedName);
};

export const validateResourceRef = (ref: ResourceRef, path: Path, needsContainer: boolean): FieldError[] => {
  const errors: FieldError[] = [];
  if (needsContainer && !ref.containerName) errors.push(required(child(path, 'containerName')));
  if (!ref.resource) errors.push(required(child(path, 'resource')));
  else if (!resourcePattern.test(ref.resource)) errors.push(unsupported(child(path, 'resource'), ref.resource, resourceNames));
  if (ref.divisor && !isQuantity(ref.divisor)) errors.push(invalidValue(child(path, 'divisor'), ref.divisor, 'must be a quantity'));
  return errors;
};

const validateKeyRef = (ref: { name?: string; key?: string }, path: Path): FieldError[] => [
  ...(ref.name ? broken(child(path, 'name'), ref.name, subdomainName) : [required(child(path, 'name'))]),
  ...(ref.key ? broken(child(path, 'key'), ref.key, dataKey) : [required(child(path, 'key'))]),
];

const validateValueFrom = (from: ValueFrom, value: string | undefined, path: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (from.fieldRef) errors.push(...validateFieldRef(from.fieldRef, child(path, 'fieldRef')));
  if (from.resourceFieldRef) errors.push(...validateResourceRef(from.resourceFieldRef, child(path, 'resourceFieldRef'), false));
  if (from.configMapKeyRef) errors.push(...validateKeyRef(from.configMapKeyRef, child(path, 'configMapKeyRef')));
  if (from.secretKeyRef) errors.push(...validateKeyRef(from.secretKeyRef, child(path, 'secretKeyRef')));
  const sources = [from.fieldRef, from.resourceFieldRef, from.configMapKeyRef, from.secretKeyRef].filter(Boolean).length;
  if (sources === 0) {
    errors.push(invalidValue(path, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'));
  } else if (value) errors.push(invalidValue(path, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) errors.push(invalidValue(path, '', 'may not have more than one field specified at a time'));
  return errors;
};

export const validateEnv = (env: readonly EnvVar[], path: Path): FieldError[] =>
  env.flatMap(({ name, value, valueFrom }, at) => {
    const here = index(path, at);
    return [
      ...(name ? broken(child(here, 'name'), name, environmentName) : [required(child(here, 'name'))]),
      ...(valueFrom ? validateValueFrom(valueFrom, value, child(here, 'valueFrom')) : []),
    ];
  });

export const validateEnvFrom = (sources: readonly EnvFromSource[], path: Path): FieldError[] =>
  sources.flatMap(({ prefix, configMapRef, secretRef }, at) => {
    const here = index(path, at);
    const errors = prefix ? broken(child(here, 'prefix'), prefix, environmentName) : [];
    for (const [field, ref] of Object.entries({ configMapRef, secretRef })) {
      if (ref) errors.push(...(ref.name ? broken(child(here, field, 'name'), ref.name, subdomainName) : [required(child(here, field, 'name'))]));
    }
    if (!configMapRef && !secretRef) errors.push(invalidValue(here, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (configMapRef && secretRef) errors.push(invalidValue(here, '', 'may not have more than one field specified at a time'));
    return errors;
  });
