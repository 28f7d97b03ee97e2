/** Which JSON values each scalar takes, as Kubernetes' decoder does. */
import type { Scalar } from './shape.ts';

const quantity = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;
/** RFC 3339 as Go reads it: capital letters, and MicroTime with exactly six digits. */
const time = /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:[.,](\d+))?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const microDigits = 6;
const base64 = /^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/;
const int32Max = 2 ** 31 - 1;

const daysOf = (year: number, month: number): number => {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
};

const isTime = (text: string, format: Scalar['format']): boolean => {
  const [, year, month, day, fraction] = time.exec(text) ?? [];
  if (format === 'micro-time' && fraction?.length !== microDigits) return false;
  const [years, months, days] = [Number(year), Number(month), Number(day)];
  return months >= 1 && months <= 12 && days >= 1 && days <= daysOf(years, months);
};

const isBase64 = (text: string): boolean => base64.test(text) && text.replaceAll(/[\r\n]/g, '').length % 4 === 0;

const isInteger = (value: unknown, format: Scalar['format']): boolean => {
  if (typeof value !== 'number' || !Number.isInteger(value)) return false;
  // Beyond 2^53 a number would come back as another, or as one that no int64 holds, which a Go client cannot even read.
  return format === 'int64' ? Number.isSafeInteger(value) : value >= -int32Max - 1 && value <= int32Max;
};

/** Whether a string has the form that its format asks for. */
const checkFormat = (value: string, format: Scalar['format']): boolean => {
  switch (format) {
    case 'byte':
      return isBase64(value);
    case 'date-time':
    case 'micro-time':
      return isTime(value, format);
    case 'quantity':
      return quantity.test(value);
    default:
      return true;
  }
};

/** Whether a value that is not null may stand where `scalar` is expected. */
export const fits = (value: unknown, scalar: Scalar): boolean => {
  switch (scalar.type) {
    case 'any':
      return true;
    case 'boolean':
      return typeof value === 'boolean';
    case 'number':
      return Number.isFinite(value);
    case 'integer':
      return isInteger(value, scalar.format);
    case 'string':
      if (typeof value === 'string') return checkFormat(value, scalar.format);
      if (scalar.format === 'int-or-string') return isInteger(value, 'int32');
      return scalar.format === 'quantity' && typeof value === 'number' && Number.isFinite(value);
  }
};

const words: Readonly<Record<string, string>> = {
  byte: '[]byte (base64)',
  'date-time': 'Time (RFC 3339)',
  'micro-time': 'MicroTime (RFC 3339 with six digits after the second)',
  quantity: 'Quantity (such as 500m, 2 or 1Gi)',
  'int-or-string': 'IntOrString',
  int32: 'int32',
  int64: 'int64',
  double: 'float64',
};

/** How error messages name what was expected: Go's names, with a word on the form where that is not enough. */
export const expectedWord = ({ type, format }: Scalar): string =>
  (format === undefined ? undefined : words[format]) ?? (type === 'boolean' ? 'bool' : type);
