/**
 * Kubernetes' quantities: `500m`, `1.5Gi`, `2e3`. They are decimal or binary fractions, so they are computed as
 * exact fractions of big integers and leave that form only at the end: doubles would make `0.1` three tenths of a
 * milli too much, and large byte counts wrong by a few.
 */

interface Fraction {
  readonly numerator: bigint;
  /** Always positive. */
  readonly denominator: bigint;
}

type Format = 'binary' | 'decimal' | 'exponent';

interface Parsed extends Fraction {
  readonly format: Format;
}

/** Longer texts are refused: no amount of anything needs them, and big integers cost time. */
const quantityCharactersMax = 64;
/** Powers of ten beyond this are cut to it; it is far above the largest value that a resource can have. */
const exponentMax = 60;

const decimalSuffixes: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const binarySuffixes: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };

const pattern = /^([+-]?)(\d+\.?\d*|\.\d+)(?:(Ki|Mi|Gi|Ti|Pi|Ei)|[eE]([+-]?\d+)|([numkMGTPE]?))$/;

const parse = (quantity: string | number): Parsed | undefined => {
  const text = String(quantity);
  if (text.length > quantityCharactersMax) return undefined;
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, sign, number = '', binary, exponent, decimal = ''] = match;
  const [whole = '', fraction = ''] = number.split('.');
  const digits = BigInt(`${whole}${fraction}` || '0') * (sign === '-' ? -1n : 1n);
  if (binary !== undefined) {
    return { numerator: digits << (binarySuffixes[binary] ?? 0n), denominator: 10n ** BigInt(fraction.length), format: 'binary' };
  }
  const given = exponent === undefined ? (decimalSuffixes[decimal] ?? 0) : Number(exponent);
  const power = Math.max(-exponentMax, Math.min(exponentMax, given)) - fraction.length;
  return {
    numerator: power > 0 ? digits * 10n ** BigInt(power) : digits,
    denominator: power < 0 ? 10n ** BigInt(-power) : 1n,
    format: exponent === undefined ? 'decimal' : 'exponent',
  };
};

const mustParse = (quantity: string | number): Parsed => {
  const parsed = parse(quantity);
  if (!parsed) throw new RangeError(`${JSON.stringify(quantity)} is not a quantity`);
  return parsed;
};

const ceilDivide = (numerator: bigint, denominator: bigint): bigint => {
  const quotient = numerator / denominator;
  return numerator > 0n && numerator % denominator !== 0n ? quotient + 1n : quotient;
};

/** Whether `quantity` is a number with an optional decimal, binary or exponent suffix. */
export const isQuantity = (quantity: unknown): boolean =>
  (typeof quantity === 'string' || typeof quantity === 'number') && parse(quantity) !== undefined;

/** The value in base units (cores, bytes), as the nearest double. Throws RangeError on what is no quantity. */
export const parseQuantity = (quantity: string | number): number => {
  const { numerator, denominator } = mustParse(quantity);
  return Number(numerator) / Number(denominator);
};

/** Integer thousandths, rounded up: `0.1` and `100m` are 100. Throws RangeError on what is no quantity. */
export const milliValue = (quantity: string | number): number => {
  const { numerator, denominator } = mustParse(quantity);
  return Number(ceilDivide(numerator * 1000n, denominator));
};

/** Integer base units, rounded up: `1Ki` is 1024, `100m` is 1. Throws RangeError on what is no quantity. */
export const wholeValue = (quantity: string | number): number => {
  const { numerator, denominator } = mustParse(quantity);
  return Number(ceilDivide(numerator, denominator));
};

/** Negative, zero or positive, exactly. Throws RangeError on what is no quantity. */
export const compareQuantities = (a: string | number, b: string | number): number => {
  const left = mustParse(a);
  const right = mustParse(b);
  const difference = left.numerator * right.denominator - right.numerator * left.denominator;
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
};

export const isWholeQuantity = (quantity: string | number): boolean => {
  const { numerator, denominator } = mustParse(quantity);
  return numerator % denominator === 0n;
};

const nanosPerUnit = 10n ** 9n;

/** `nanos` with the largest power of a thousand that leaves a whole number. */
const formatDecimal = (nanos: bigint, suffix: (power: number) => string): string => {
  let mantissa = nanos;
  let power = -9;
  while (power < 18 && mantissa !== 0n && mantissa % 1000n === 0n) {
    mantissa /= 1000n;
    power += 3;
  }
  return mantissa === 0n ? '0' : `${mantissa}${suffix(power)}`;
};

const suffixOfPower = new Map(Object.entries(decimalSuffixes).map(([suffix, power]) => [power, suffix]));
const decimalSuffix = (power: number): string => suffixOfPower.get(power) ?? '';
const exponentSuffix = (power: number): string => (power === 0 ? '' : `e${power}`);

const formatBinaryUnits = (units: bigint): string => {
  let mantissa = units;
  let suffix = '';
  for (const next of Object.keys(binarySuffixes)) {
    if (mantissa % 1024n !== 0n) break;
    mantissa /= 1024n;
    suffix = next;
  }
  return `${mantissa}${suffix}`;
};

/**
 * The form that Kubernetes stores: no fraction, the largest suffix of the same family, nothing finer than a nano
 * (`0.5` is `500m`, `1.5Gi` is `1536Mi`, `1000m` is `1`). Text that is no quantity is returned as it is.
 */
export const canonicalQuantity = (quantity: string | number): string => {
  const parsed = parse(quantity);
  if (!parsed) return String(quantity);
  const nanos = ceilDivide(parsed.numerator * nanosPerUnit, parsed.denominator);
  const units = nanos / nanosPerUnit;
  const isWhole = nanos % nanosPerUnit === 0n;
  if (parsed.format === 'binary' && isWhole && (units >= 1024n || units <= -1024n)) return formatBinaryUnits(units);
  return formatDecimal(nanos, parsed.format === 'exponent' ? exponentSuffix : decimalSuffix);
};

/** Thousandths as a quantity: 1500 is `1500m`, 2000 is `2`. */
export const formatMilli = (milli: number): string =>
  formatDecimal(BigInt(Math.ceil(milli)) * 10n ** 6n, (power) => decimalSuffix(power));

/** Bytes as a quantity: 1048576 is `1Mi`, 1000 is `1000`. */
export const formatBytes = (bytes: number): string => (bytes === 0 ? '0' : formatBinaryUnits(BigInt(Math.ceil(bytes))));
