/**
 * The part of DER (X.690) that certificates and signing requests need. Written here because a certificate is some thirty
 * nested values, while the libraries for it cost the controller 20 MB of memory.
 */
import { assert } from './assert.ts';

const lengthOf = (length: number): Buffer => {
  if (length < 0x80) return Buffer.from([length]);
  if (length < 0x100) return Buffer.from([0x81, length]);
  assert(length < 0x10000, 'a DER value of 64 KiB or more');
  return Buffer.from([0x82, length >> 8, length & 0xff]);
};

/** One value: tag, length, content. */
export const der = (tag: number, ...contents: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
};

export const sequence = (...items: readonly Buffer[]): Buffer => der(0x30, ...items);
export const set = (...items: readonly Buffer[]): Buffer => der(0x31, ...items);
export const boolean = (value: boolean): Buffer => der(0x01, Buffer.from([value ? 0xff : 0]));
export const octets = (content: Buffer): Buffer => der(0x04, content);
export const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
/** `[number]`, constructed. */
export const context = (number: number, ...contents: readonly Buffer[]): Buffer => der(0xa0 + number, ...contents);

/** An unsigned big-endian integer. */
export const integer = (magnitude: Buffer): Buffer => {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start += 1;
  const minimal = magnitude.subarray(start);
  return der(0x02, ((minimal[0] ?? 0) & 0x80) === 0 ? minimal : Buffer.concat([Buffer.from([0]), minimal]));
};

export const bits = (content: Buffer, unusedBits = 0): Buffer => der(0x03, Buffer.from([unusedBits]), content);

export const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let high = arc >>> 7; high > 0; high >>>= 7) groups.unshift((high & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
};

/** UTCTime until 2049, GeneralizedTime after, as RFC 5280 demands. */
export const time = (timeMs: number): Buffer => {
  const text = new Date(timeMs).toISOString().replace(/[-:T]|\.\d+/g, '');
  return text < '2050' ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
};

export interface DerValue {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly whole: Buffer;
}

/** The values that follow one another in `bytes`. Throws RangeError when they are not well formed. */
export const derValues = (bytes: Buffer): DerValue[] => {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 2 > bytes.length) throw new RangeError('DER value is cut short');
    const tag = bytes.readUInt8(at);
    let length = bytes.readUInt8(at + 1);
    let start = at + 2;
    if (length >= 0x80) {
      const lengthBytes = length & 0x7f;
      if (lengthBytes < 1 || lengthBytes > 3 || start + lengthBytes > bytes.length) throw new RangeError('bad DER length');
      length = bytes.readUIntBE(start, lengthBytes);
      start += lengthBytes;
    }
    const end = start + length;
    if (end > bytes.length) throw new RangeError('DER value is cut short');
    values.push({ tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return values;
};
