/** Which JSON values each scalar takes, as Kubernetes' decoder does. */
import type { Scalar } from './shape.ts';

const quantity = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;
const time = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;
const base64 = /^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/;
const int32Max = 2 ** 31 - 1;
/** Above 2^63 - 1 by rounding, as every double near it; what a JSON number can hold at most. */
const int64Max = 2 ** 63;

const isBase64 = (text: string): boolean => base64.test(text) && text.replaceAll(/[\r\n]/g, '').length % 4 === 0;

const isInteger = (value: unknown, format: Scalar['format']): boolean => {
  if (typeof value !== 'number' || !Number.isInteger(value)) return false;
  return format === 'int64' ? value >= -int64Max && value <= int64Max : value >= -int32Max - 1 && value <= int32Max;
};

/** Whether a string has the form that its format asks for. */
const checkFormat = (value: string, format: Scalar['format']): boolean => {
  switch (format) {
    case 'byte':
      return isBase64(value);
    case 'date-time':
    case 'micro-time':
      return time.test(value) && !Number.isNaN(Date.parse(value));
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
      return typeof value === 'number';
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
  'micro-time': 'MicroTime (RFC 3339)',
  quantity: 'Quantity (such as 500m, 2 or 1Gi)',
  'int-or-string': 'IntOrString',
  int32: 'int32',
  int64: 'int64',
  double: 'float64',
};

/** How error messages name what was expected: Go's names, with a word on the form where that is not enough. */
export const expectedWord = ({ type, format }: Scalar): string =>
  (format === undefined ? undefined : words[format]) ?? (type === 'boolean' ? 'bool' : type);
