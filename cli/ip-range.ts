/** Ranges of IPv4 addresses such as `10.244.0.0/16`, as numbers. Pure. */
import { isIPv4 } from 'node:net';

export interface IpRange {
  readonly first: number;
  readonly last: number;
}

const bitsMin = 8;

/** Undefined when it is none, or of a size that is not from /8 to /`bitsMax`. */
export const ipRange = (text: string, bitsMax: number): IpRange | undefined => {
  const [address = '', bits = '', ...more] = text.split('/');
  if (more.length > 0 || !isIPv4(address) || !/^\d{1,2}$/.test(bits) || Number(bits) < bitsMin || Number(bits) > bitsMax) return undefined;
  const size = 2 ** (32 - Number(bits));
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = number - (number % size);
  return { first, last: first + size - 1 };
};

export const overlap = (a: IpRange, b: IpRange): boolean => a.first <= b.last && b.first <= a.last;
