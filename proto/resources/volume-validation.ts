/** Volumes: one source each, and what each source needs. */
import type { FieldError } from '../errors.ts';
import { fileFields, validateFieldRef, validateResourceRef } from './env-validation.ts';
import { broken, child, duplicates, forbiddenField, index, inRange, invalidValue, oneOf, type Path, required } from './field-error.ts';
import type { Volume } from './kubernetes.ts';
import { dataKey, labelName } from './names.ts';
import { localFilePath, noDotDot } from './path-validation.ts';
import { compareQuantities, isQuantity } from './quantity.ts';

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];
const tokenSecondsMin = 600;
const tokenSecondsMax = 2 ** 32;

interface KeyItem {
  readonly key?: string;
  readonly path?: string;
  readonly mode?: number;
}

type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];
type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

const validateMode = (mode: number | null | undefined, path: Path): FieldError[] =>
  mode === undefined || mode === null || (mode >= 0 && mode <= 0o777)
    ? []
    : [invalidValue(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];

const validateFilePath = (target: string | undefined, path: Path): FieldError[] =>
  target ? localFilePath(target, path) : [required(path)];

const validateItems = (items: readonly KeyItem[] | null | undefined, path: Path): FieldError[] =>
  (items ?? []).flatMap((item, at) => {
    const here = index(path, at);
    return [
      ...(item.key ? broken(child(here, 'key'), item.key, dataKey) : [required(child(here, 'key'))]),
      ...validateFilePath(item.path, child(here, 'path')),
      ...validateMode(item.mode, child(here, 'mode')),
    ];
  });

const validateDownwardItems = (items: readonly DownwardItem[] | null | undefined, path: Path): FieldError[] =>
  (items ?? []).flatMap((item, at) => {
    const here = index(path, at);
    const errors = [...validateFilePath(item.path, child(here, 'path')), ...validateMode(item.mode, child(here, 'mode'))];
    if (item.fieldRef && item.resourceFieldRef) {
      errors.push(invalidValue(here, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    } else if (item.fieldRef) errors.push(...validateFieldRef(item.fieldRef, child(here, 'fieldRef'), fileFields));
    else if (item.resourceFieldRef) errors.push(...validateResourceRef(item.resourceFieldRef, child(here, 'resourceFieldRef'), true));
    else errors.push(required(here, 'one of fieldRef and resourceFieldRef must be specified'));
    return errors;
  });

const needs = (value: unknown, path: Path): FieldError[] => (value ? [] : [required(path)]);

const validateToken = (token: NonNullable<Projection['serviceAccountToken']>, path: Path): FieldError[] => [
  ...validateFilePath(token.path, child(path, 'path')),
  ...inRange(child(path, 'expirationSeconds'), token.expirationSeconds, tokenSecondsMin, tokenSecondsMax),
];

const projectedPaths = ({ configMap, secret, downwardAPI, serviceAccountToken }: Projection): (string | undefined)[] => [
  ...[configMap, secret, downwardAPI].flatMap((source) => (source?.items ?? []).map((item) => item.path)),
  serviceAccountToken?.path,
];

const validateProjected = (projected: NonNullable<Volume['projected']>, path: Path): FieldError[] => {
  const sources = projected.sources ?? [];
  const seen = new Set<string>();
  return [
    ...validateMode(projected.defaultMode, child(path, 'defaultMode')),
    ...sources.flatMap((source, at) => {
      const here = index(child(path, 'sources'), at);
      const given = Object.entries(source).filter(([, value]) => value);
      const errors = given.slice(1).map(([type]) => forbiddenField(child(here, type), 'may not specify more than 1 volume type'));
      if (given.length === 0) errors.push(required(here, 'must specify one of: configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle'));
      for (const field of ['configMap', 'secret'] as const) {
        const ref = source[field];
        if (ref) errors.push(...needs(ref.name, child(here, field, 'name')), ...validateItems(ref.items, child(here, field, 'items')));
      }
      errors.push(...validateDownwardItems(source.downwardAPI?.items, child(here, 'downwardAPI', 'items')));
      if (source.serviceAccountToken) errors.push(...validateToken(source.serviceAccountToken, child(here, 'serviceAccountToken')));
      for (const target of projectedPaths(source)) {
        if (target === undefined) continue;
        if (seen.has(target)) errors.push(invalidValue(child(path, 'sources'), target, 'conflicting duplicate paths'));
        seen.add(target);
      }
      return errors;
    }),
  ];
};

const validateHostPath = (source: NonNullable<Volume['hostPath']>, path: Path): FieldError[] => [
  ...(source.path ? noDotDot(source.path, child(path, 'path')) : [required(child(path, 'path'))]),
  ...oneOf(child(path, 'type'), source.type, hostPathTypes),
];

const validateEmptyDir = (source: NonNullable<Volume['emptyDir']>, path: Path): FieldError[] => {
  const limit = source.sizeLimit;
  if (limit === undefined || limit === null || (isQuantity(limit) && compareQuantities(limit, 0) >= 0)) return [];
  return [forbiddenField(child(path, 'sizeLimit'), 'SizeLimit field must be a valid resource quantity')];
};

const validateNfs = (source: NonNullable<Volume['nfs']>, path: Path): FieldError[] => [
  ...needs(source.server, child(path, 'server')),
  ...needs(source.path, child(path, 'path')),
  ...(source.path && !source.path.startsWith('/') ? [invalidValue(child(path, 'path'), source.path, 'must be an absolute path')] : []),
];

const validateSource = (volume: Volume, path: Path): FieldError[] => {
  const { configMap, secret, downwardAPI, projected, hostPath, emptyDir, nfs, csi, ephemeral, persistentVolumeClaim } = volume;
  return [
    ...(emptyDir ? validateEmptyDir(emptyDir, child(path, 'emptyDir')) : []),
    ...(hostPath ? validateHostPath(hostPath, child(path, 'hostPath')) : []),
    ...(configMap ? [
      ...needs(configMap.name, child(path, 'configMap', 'name')),
      ...validateMode(configMap.defaultMode, child(path, 'configMap', 'defaultMode')),
      ...validateItems(configMap.items, child(path, 'configMap', 'items')),
    ] : []),
    ...(secret ? [
      ...needs(secret.secretName, child(path, 'secret', 'secretName')),
      ...validateMode(secret.defaultMode, child(path, 'secret', 'defaultMode')),
      ...validateItems(secret.items, child(path, 'secret', 'items')),
    ] : []),
    ...(downwardAPI ? [
      ...validateMode(downwardAPI.defaultMode, child(path, 'downwardAPI', 'defaultMode')),
      ...validateDownwardItems(downwardAPI.items, child(path, 'downwardAPI', 'items')),
    ] : []),
    ...(projected ? validateProjected(projected, child(path, 'projected')) : []),
    ...(nfs ? validateNfs(nfs, child(path, 'nfs')) : []),
    ...(csi ? needs(csi.driver, child(path, 'csi', 'driver')) : []),
    ...(ephemeral ? needs(ephemeral.volumeClaimTemplate, child(path, 'ephemeral', 'volumeClaimTemplate')) : []),
    ...(persistentVolumeClaim ? needs(persistentVolumeClaim.claimName, child(path, 'persistentVolumeClaim', 'claimName')) : []),
  ];
};

export const validateVolumes = (volumes: readonly Volume[], path: Path): FieldError[] => [
  ...volumes.flatMap((volume, at) => {
    const here = index(path, at);
    const sources = Object.entries(volume).filter(([field, source]) => field !== 'name' && source !== undefined && source !== null);
    return [
      ...(volume.name ? broken(child(here, 'name'), volume.name, labelName) : [required(child(here, 'name'))]),
      ...(sources.length === 0 ? [required(here, 'must specify a volume type')] : []),
      ...sources.slice(1).map(([type]) => forbiddenField(child(here, type), 'may not specify more than 1 volume type')),
      ...validateSource(volume, here),
    ];
  }),
  ...duplicates(volumes.map(({ name }) => name), (at) => child(index(path, at), 'name')),
];
