/** Ranges of IPv4 addresses and ports, as numbers, and the choice of a free one. Pure. */

export interface NumberRange {
  readonly first: number;
  readonly last: number;
  /** As it was written, for messages. */
  readonly text: string;
}

/** An IPv4 address as a number; undefined when it is none. */
export const addressNumber = (text: string): number | undefined => {
  const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  return bytes?.every((byte) => byte < 256) ? bytes.reduce((number, byte) => number * 256 + byte, 0) : undefined;
};

export const addressText = (number: number): string => [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');

/** `10.96.0.0/16`: all its addresses but those of the network itself and of broadcasts. Undefined when it is no range with a place for two. */
export const networkRange = (text: string): NumberRange | undefined => {
  const [address = '', bitsText = ''] = text.split('/');
  const base = addressNumber(address);
  const bits = /^\d{1,2}$/.test(bitsText) ? Number(bitsText) : Number.NaN;
  if (base === undefined || !(bits >= 8 && bits <= 30)) return undefined;
  const size = 2 ** (32 - bits);
  const start = base - (base % size);
  return { first: start + 1, last: start + size - 2, text };
};

/** `192.0.2.10-192.0.2.99` with both ends, or `192.0.2.0/24` as `networkRange`. */
export const addressRange = (text: string): NumberRange | undefined => {
  if (text.includes('/')) return networkRange(text);
  const [first, last] = text.split('-').map((end) => addressNumber(end.trim()));
  return first !== undefined && last !== undefined && first <= last ? { first, last, text } : undefined;
};

/** `30000-32767`. */
export const portRange = (text: string): NumberRange | undefined => {
  const [first = 0, last = 0] = /^(\d{1,5})-(\d{1,5})$/.exec(text)?.slice(1).map(Number) ?? [];
  return first > 0 && first <= last && last <= 65_535 ? { first, last, text } : undefined;
};

export const isWithin = (range: NumberRange, number: number | undefined): boolean =>
  number !== undefined && number >= range.first && number <= range.last;

/**
 * A free number of the range: at random above the lowest `reserved` ones, which are for those who ask for a number of
 * theirs, and among these only when nothing else is free. Undefined when all are taken.
 */
export const pickFree = (range: NumberRange, reserved: number, isTaken: (number: number) => boolean, random: () => number): number | undefined => {
  const middle = Math.min(range.first + reserved, range.last + 1);
  for (const [from, to] of [[middle, range.last], [range.first, middle - 1]] as const) {
    const size = to - from + 1;
    const start = Math.floor(random() * size);
    for (let tried = 0; tried < size; tried += 1) {
      const number = from + ((start + tried) % size);
      if (!isTaken(number)) return number;
    }
  }
  return undefined;
};

/** How many of the lowest numbers are left to those who ask (as Kubernetes: a share of the range, within bounds). */
export const reservedCount = ({ first, last }: NumberRange, share: number, max: number): number => {
  const size = last - first + 1;
  const least = 16;
  return size <= least ? 0 : Math.min(Math.max(least, Math.floor(size / share)), max);
};
