/** Requests and limits of containers, and quantities of named resources in general. */
import type { FieldError } from '../errors.ts';
import { broken, child, forbiddenField, invalidValue, key, type Path, required } from './field-error.ts';
import type { ResourceRequirements } from './kubernetes.ts';
import { qualifiedName } from './names.ts';
import { compareQuantities, isQuantity, isWholeQuantity } from './quantity.ts';

type Quantities = Readonly<Record<string, string>>;

const standard: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
const isHugePages = (name: string): boolean => name.startsWith('hugepages-');

/** Resources that something outside Kubernetes advertises, such as `example.com/gpu`: whole numbers, never overcommitted. */
export const isExtendedResource = (name: string): boolean => name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name);

const validateName = (name: string, path: Path): FieldError[] => {
  const errors = broken(path, name, qualifiedName);
  if (errors.length > 0 || standard.has(name) || isHugePages(name)) return errors;
  if (!name.includes('/')) return [invalidValue(path, name, 'must be a standard resource for containers')];
  return isExtendedResource(name) && !name.startsWith('requests.') ? [] : [invalidValue(path, name, "doesn't follow extended resource name standard")];
};

const validateQuantity = (name: string, quantity: string, path: Path): FieldError[] => {
  if (!isQuantity(quantity)) return [invalidValue(path, quantity, 'must be a quantity such as 500m, 2 or 1.5Gi')];
  if (compareQuantities(quantity, 0) < 0) return [invalidValue(path, quantity, 'must be greater than or equal to 0')];
  return isExtendedResource(name) && !isWholeQuantity(quantity) ? [invalidValue(path, quantity, 'must be an integer')] : [];
};

export const validateQuantities = (quantities: Quantities | null | undefined, path: Path): FieldError[] =>
  Object.entries(quantities ?? {}).flatMap(([name, quantity]) => [
    ...validateName(name, key(path, name)),
    ...validateQuantity(name, quantity, key(path, name)),
  ]);

const validateRequest = (name: string, request: string, limit: string | undefined, path: Path): FieldError[] => {
  const isExclusive = isExtendedResource(name) || isHugePages(name);
  if (!isQuantity(request) || (limit !== undefined && !isQuantity(limit))) return [];
  if (limit === undefined) {
    return isExclusive ? [required(child(path, 'limits'), 'Limit must be set for non overcommitable resources')] : [];
  }
  const order = compareQuantities(request, limit);
  if (isExclusive && order !== 0) return [invalidValue(child(path, 'requests'), request, `must be equal to ${name} limit of ${limit}`)];
  return order > 0 ? [invalidValue(child(path, 'requests'), request, `must be less than or equal to ${name} limit of ${limit}`)] : [];
};

export const validateResources = (resources: ResourceRequirements | undefined, path: Path): FieldError[] => {
  const limits: Quantities = resources?.limits ?? {};
  const requests: Quantities = resources?.requests ?? {};
  const errors = [...validateQuantities(limits, child(path, 'limits')), ...validateQuantities(requests, child(path, 'requests'))];
  for (const [name, request] of Object.entries(requests)) {
    errors.push(...validateRequest(name, request, Object.hasOwn(limits, name) ? limits[name] : undefined, path));
  }
  const names = Object.keys({ ...limits, ...requests });
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory')) errors.push(forbiddenField(path, 'HugePages require cpu or memory'));
  return errors;
};
