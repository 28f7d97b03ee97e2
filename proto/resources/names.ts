/**
 * What names may look like. Every rule returns what is wrong in words, an empty list when nothing is, so that
 * validation can attach a path to it. Formats are those of RFC 1123, RFC 1035 and Kubernetes' label syntax.
 */
import { isIP } from 'node:net';

export type NameRule = (name: string) => string[];

export const subdomainCharactersMax = 253;
export const labelCharactersMax = 63;

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const labelPattern = new RegExp(`^${label}$`);
const subdomainPattern = new RegExp(`^${label}(\\.${label})*$`);
const label1035Pattern = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedPattern = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

const format = (sentence: string, example: string, pattern: RegExp): string =>
  `${sentence} (e.g. ${example}, regex used for validation is '${pattern.source.replace(/^\^|\$$/g, '')}')`;

const tooLong = (max: number): string => `must be no more than ${max} bytes`;

const rule =
  (pattern: RegExp, charactersMax: number, message: string): NameRule =>
  (name) => [
    ...(name.length > charactersMax ? [tooLong(charactersMax)] : []),
    ...(pattern.test(name) ? [] : [message]),
  ];

/** Pods, Nodes, ConfigMaps and most others. */
export const subdomainName = rule(
  subdomainPattern,
  subdomainCharactersMax,
  format(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    "'example.com'",
    subdomainPattern,
  ),
);

/** Namespaces, containers, volumes. */
export const labelName = rule(
  labelPattern,
  labelCharactersMax,
  format(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    "'my-name',  or '123-abc'",
    labelPattern,
  ),
);

/** Services. */
export const label1035Name = rule(
  label1035Pattern,
  labelCharactersMax,
  format(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    "'my-name',  or 'abc-123'",
    label1035Pattern,
  ),
);

/** `generateName` is checked as the name that it may become: a trailing dash gets a character after it. */
export const asPrefix =
  (nameRule: NameRule): NameRule =>
  (prefix) =>
    nameRule(prefix.length > 1 && prefix.endsWith('-') ? `${prefix.slice(0, -1)}a` : prefix);

const qualifiedMessage = format(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  "'MyName',  or 'my.name',  or '123-abc'",
  qualifiedPattern,
);

/** Keys of labels and annotations, names of resources, taints and finalizers: `name` or `example.com/name`. */
export const qualifiedName: NameRule = (key) => {
  const parts = key.split('/');
  if (parts.length > 2) return [`a qualified name ${qualifiedMessage} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const name = parts[parts.length - 1] ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  const errors: string[] = [];
  if (prefix === '') errors.push('prefix part must be non-empty');
  else if (prefix !== undefined) errors.push(...subdomainName(prefix).map((message) => `prefix part ${message}`));
  if (name === '') errors.push('name part must be non-empty');
  else if (name.length > labelCharactersMax) errors.push(`name part ${tooLong(labelCharactersMax)}`);
  if (!qualifiedPattern.test(name)) errors.push(`name part ${qualifiedMessage}`);
  return errors;
};

const labelValuePattern = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

export const labelValue = rule(
  labelValuePattern,
  labelCharactersMax,
  format(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    "'MyValue',  or 'my_value',  or '12345'",
    labelValuePattern,
  ),
);

const environmentPattern = /^[\x20-\x3C\x3E-\x7E]+$/;

/** Environment variables: any printable ASCII but `=`, as Kubernetes has it since 1.32. */
export const environmentName: NameRule = (name) =>
  environmentPattern.test(name) ? [] : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];

const dataKeyPattern = /^[-._a-zA-Z0-9]+$/;

/** Keys of ConfigMaps and Secrets: they become file names. */
export const dataKey: NameRule = (key) => {
  const errors = rule(
    dataKeyPattern,
    subdomainCharactersMax,
    format("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", "'key.name',  or 'KEY_NAME',  or 'key-name'", dataKeyPattern),
  )(key);
  if (key === '.') errors.push("must not be '.'");
  else if (key === '..') errors.push("must not be '..'");
  else if (key.startsWith('..')) errors.push("must not start with '..'");
  return errors;
};

/** Names of ports: what IANA allows as a service name. */
export const portName: NameRule = (name) => {
  const errors: string[] = [];
  if (name.length > 15) errors.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(name)) errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(name)) errors.push('must contain at least one letter (a-z)');
  if (name.includes('--')) errors.push('must not contain consecutive hyphens');
  if (name.startsWith('-') || name.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
};

/** An address and the length of its prefix: `10.244.0.0/24`. */
export const subnet: NameRule = (text) => {
  const [, address = '', bits = ''] = /^(.+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  const isValid = version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
  return isValid ? [] : ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'];
};
