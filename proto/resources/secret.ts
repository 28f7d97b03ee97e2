/** Secrets: what each well-known type must contain. Messages never show data. */
import type { FieldError } from '../errors.ts';
import { base64Bytes, dataBytesMax, validateBase64, validateImmutableData, validateKeys } from './config-map.ts';
import { immutable, invalidValue, key, required, tooLong } from './field-error.ts';
import type { Secret } from './kubernetes.ts';
import { subdomainName } from './names.ts';
import type { KindRules } from './strategy.ts';

const serviceAccountAnnotation = 'kubernetes.io/service-account.name';

const requireKey = (secret: Secret, name: string): FieldError[] =>
  secret.data && Object.hasOwn(secret.data, name) ? [] : [required(key('data', name))];

const requireJson = (secret: Secret, name: string): FieldError[] => {
  const missing = requireKey(secret, name);
  if (missing.length > 0) return missing;
  try {
    JSON.parse(Buffer.from(secret.data?.[name] ?? '', 'base64').toString('utf8'));
    return [];
  } catch {
    return [invalidValue(key('data', name), '<secret contents redacted>', 'must be JSON')];
  }
};

const contentRules: Readonly<Record<string, (secret: Secret) => FieldError[]>> = {
  'kubernetes.io/service-account-token': (secret) =>
    secret.metadata.annotations?.[serviceAccountAnnotation] ? [] : [required(key('metadata.annotations', serviceAccountAnnotation))],
  'kubernetes.io/dockercfg': (secret) => requireJson(secret, '.dockercfg'),
  'kubernetes.io/dockerconfigjson': (secret) => requireJson(secret, '.dockerconfigjson'),
  'kubernetes.io/basic-auth': (secret) => {
    const missing = [...requireKey(secret, 'username'), ...requireKey(secret, 'password')];
    return missing.length === 2 ? missing : [];
  },
  'kubernetes.io/ssh-auth': (secret) => (secret.data?.['ssh-privatekey'] ? [] : [required(key('data', 'ssh-privatekey'))]),
  'kubernetes.io/tls': (secret) => [...requireKey(secret, 'tls.crt'), ...requireKey(secret, 'tls.key')],
};

export const secretRules: KindRules<Secret> = {
  name: subdomainName,
  setDefaults(secret) {
    secret.type ||= 'Opaque';
    // stringData is for writing only: it wins over data, and is never stored as such.
    if (secret.stringData) {
      const folded = Object.entries(secret.stringData).map(([name, text]) => [name, Buffer.from(text ?? '', 'utf8').toString('base64')] as const);
      secret.data = { ...secret.data, ...Object.fromEntries(folded) };
    }
    delete secret.stringData;
  },
  validate(secret) {
    const bytes = Object.values(secret.data ?? {}).reduce((sum, value) => sum + (base64Bytes(value) ?? 0), 0);
    return [
      ...validateKeys(secret.data, 'data'),
      ...validateBase64(secret.data, 'data'),
      ...(bytes > dataBytesMax ? [tooLong('data', dataBytesMax)] : []),
      ...(contentRules[secret.type ?? '']?.(secret) ?? []),
    ];
  },
  validateUpdate: (secret, old) => [
    ...immutable('type', secret.type, old.type),
    ...validateImmutableData(secret, old, ['data']),
  ],
};
