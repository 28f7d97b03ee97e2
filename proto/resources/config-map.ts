/** ConfigMaps, and the rules that they share with Secrets: what keys look like, how large they are, what immutable means. */
import type { FieldError } from '../errors.ts';
import { broken, child, forbiddenField, invalidValue, key, type Path, same, tooLong } from './field-error.ts';
import type { ConfigMap, KubeObject } from './kubernetes.ts';
import { dataKey, subdomainName } from './names.ts';
import type { KindRules } from './strategy.ts';

export const dataBytesMax = 1024 * 1024;

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes that base64 text stands for; undefined when it is none. */
export const base64Bytes = (text: string | null): number | undefined => {
  if (text === null) return 0;
  // Line breaks are allowed in it, as Go's decoder has it.
  const dense = text.replace(/[\r\n]/g, '');
  if (!base64Pattern.test(dense)) return undefined;
  return (dense.length / 4) * 3 - (dense.endsWith('==') ? 2 : dense.endsWith('=') ? 1 : 0);
};

type Data = Readonly<Record<string, string>> | null | undefined;

export const validateKeys = (data: Data, path: Path): FieldError[] =>
  Object.keys(data ?? {}).flatMap((name) => broken(key(path, name), name, dataKey));

/** The value itself stays out of the message: it may be secret. */
export const validateBase64 = (data: Data, path: Path): FieldError[] =>
  Object.entries(data ?? {})
    .filter(([, value]) => base64Bytes(value) === undefined)
    .map(([name]) => invalidValue(key(path, name), '<contents redacted>', 'must be base64'));

/** An object marked immutable stays so, and keeps its data. */
export const validateImmutableData = (object: KubeObject, old: KubeObject, fields: readonly string[]): FieldError[] => {
  if (old['immutable'] !== true) return [];
  const why = 'field is immutable when `immutable` is set';
  return [
    ...(object['immutable'] === true ? [] : [forbiddenField('immutable', why)]),
    ...fields.filter((field) => !same(object[field], old[field])).map((field) => forbiddenField(field, why)),
  ];
};

export const configMapRules: KindRules<ConfigMap> = {
  name: subdomainName,
  validate(configMap) {
    const { data, binaryData } = configMap;
    const errors = [...validateKeys(data, 'data'), ...validateKeys(binaryData, 'binaryData'), ...validateBase64(binaryData, 'binaryData')];
    for (const name of Object.keys(binaryData ?? {})) {
      if (data && Object.hasOwn(data, name)) errors.push(invalidValue(key(child('', 'data'), name), name, 'duplicate of key present in binaryData'));
    }
    const bytes =
      Object.values(data ?? {}).reduce((sum, value) => sum + Buffer.byteLength(value ?? ''), 0) +
      Object.values(binaryData ?? {}).reduce((sum, value) => sum + (base64Bytes(value) ?? 0), 0);
    return bytes > dataBytesMax ? [...errors, tooLong('', dataBytesMax)] : errors;
  },
  validateUpdate: (configMap, old) => validateImmutableData(configMap, old, ['data', 'binaryData']),
};
