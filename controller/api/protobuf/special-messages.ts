/** The messages that are one value in JSON. Each begins at its length, as all messages inside of others do. */
import type protobuf from 'protobufjs/minimal.js';
import { badRequest } from '../../../proto/errors.ts';
import { timestamp } from '../../../proto/process/clock.ts';
import { parseJson } from '../json-text.ts';

type Reader = protobuf.Reader;

/** The seconds of the years 0 to 9999, which RFC 3339 can say. */
const secondsMin = -62_167_219_200;
const secondsMax = 253_402_300_799;

/** Calls `field` for every field up to the message's end; it returns false for what it does not know. */
const readMessage = (reader: Reader, field: (number: number) => boolean): void => {
  const end = reader.uint32() + reader.pos;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!field(tag >>> 3)) reader.skipType(tag & 7);
  }
};

/** `{1: seconds, 2: nanos}`; an empty one is the time that was never set. */
export const readTime = (reader: Reader, format: 'date-time' | 'micro-time'): string | undefined => {
  let seconds: number | undefined;
  let nanos = 0;
  readMessage(reader, (number) => {
    if (number === 1) seconds = Number(String(reader.int64()));
    else if (number === 2) nanos = reader.int32();
    else return false;
    return true;
  });
  if (seconds === undefined) return undefined;
  if (seconds < secondsMin || seconds > secondsMax || nanos < 0 || nanos > 999_999_999) throw badRequest('the protobuf body has a time out of range');
  const text = timestamp(seconds * 1000);
  return format === 'date-time' ? text : text.replace('Z', `.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`);
};

/** `{1: type, 2: int, 3: string}`, type 1 meaning string. */
export const readIntOrString = (reader: Reader): number | string => {
  let isString = false;
  let int = 0;
  let string = '';
  readMessage(reader, (number) => {
    if (number === 1) isString = reader.int32() === 1;
    else if (number === 2) int = reader.int32();
    else if (number === 3) string = reader.string();
    else return false;
    return true;
  });
  return isString ? string : int;
};

/** `{1: string}` */
export const readQuantity = (reader: Reader): string => {
  let text = '';
  readMessage(reader, (number) => {
    if (number === 1) text = reader.string();
    return number === 1;
  });
  return text;
};

/** `{1: JSON text}`: managedFields and values of no type. */
export const readAny = (reader: Reader): unknown => {
  let value: unknown;
  readMessage(reader, (number) => {
    if (number === 1) value = parseJson(Buffer.from(reader.bytes()).toString('utf8')).value;
    return number === 1;
  });
  return value;
};
