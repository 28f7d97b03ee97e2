/**
 * Decodes Kubernetes' protobuf bodies (kubectl from 1.32 on sends them for typed writes) into the JSON form that
 * everything else works on. A body is `k8s\0` and an envelope:
 *
 *     Unknown { 1: TypeMeta { 1: apiVersion, 2: kind }, 2: raw, 3: contentEncoding, 4: contentType }
 *
 * Go writes every field that is no pointer, so a zero value there means absence and is dropped.
 */
import protobuf from 'protobufjs/minimal.js';
import { ApiError, badRequest } from '../../../proto/errors.ts';
import type { Scalar, Shape } from '../../../proto/schema/shape.ts';
import { type JsonRecord, isRecord, setOwn } from '../../../proto/schema/records.ts';
import type { Schema, SchemaType } from '../../../proto/schema/schema.ts';
import { packageOf, shortName } from '../../../proto/schema/type-names.ts';
import { type Message, messageNotations, parseMessage } from './message-table.ts';
import { readAny, readIntOrString, readQuantity, readTime } from './special-messages.ts';

type Reader = protobuf.Reader;

export const protobufMagic = Buffer.from('k8s\0', 'latin1');

const wireBytes = 2;
const wireGroupStart = 3;
const wireGroupEnd = 4;

interface Envelope {
  apiVersion: string;
  kind: string;
  raw: Uint8Array;
}

const readFields = (reader: Reader, end: number, field: (number: number, wire: number) => boolean): void => {
  while (reader.pos < end) {
    const tag = reader.uint32();
    const wire = tag & 7;
    // Groups nest without bound and Kubernetes has none.
    if (wire === wireGroupStart || wire === wireGroupEnd) throw badRequest('the protobuf body has a group');
    if (!field(tag >>> 3, wire)) reader.skipType(wire);
  }
  if (reader.pos !== end) throw badRequest('a message of the protobuf body ends beyond its length');
};

const readTypeMeta = (reader: Reader, end: number, envelope: Envelope): void =>
  readFields(reader, end, (number, wire) => {
    if (wire !== wireBytes || number > 2) return false;
    if (number === 1) envelope.apiVersion = reader.string();
    else envelope.kind = reader.string();
    return true;
  });

const readEnvelope = (bytes: Buffer): Envelope => {
  const reader = protobuf.Reader.create(bytes.subarray(protobufMagic.length));
  const envelope: Envelope = { apiVersion: '', kind: '', raw: new Uint8Array() };
  readFields(reader, reader.len, (number, wire) => {
    if (wire !== wireBytes) return false;
    if (number === 1) readTypeMeta(reader, reader.uint32() + reader.pos, envelope);
    else if (number === 2) envelope.raw = reader.bytes();
    else return false;
    return true;
  });
  return envelope;
};

/** The kinds whose package is not that of their group: every group serves them. */
const metaKinds: ReadonlySet<string> = new Set(['DeleteOptions', 'Status']);

const messageOf = (apiVersion: string, kind: string): string => {
  if (metaKinds.has(kind)) return `meta.v1.${kind}`;
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return `${packageOf(group ?? '')}.${version}.${kind}`;
};

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === '' || value === 0 || value === false || (isRecord(value) && Object.keys(value).length === 0);

export class ProtobufDecoder {
  readonly #schema: Schema;
  readonly #messages = new Map<string, Message>();

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** The object of a body that begins with `k8s\0`. Throws ApiError BadRequest for all that is no such object. */
  decode(bytes: Buffer): JsonRecord {
    if (!bytes.subarray(0, protobufMagic.length).equals(protobufMagic)) {
      throw badRequest('the protobuf body does not begin with the prefix k8s\\x00');
    }
    try {
      const { apiVersion, kind, raw } = readEnvelope(bytes);
      const name = messageOf(apiVersion, kind);
      const type = this.#schema.type(name);
      if (type === undefined || !messageNotations.has(name)) {
        throw badRequest(`no kind "${kind.slice(0, 64)}" is registered for version "${apiVersion.slice(0, 64)}"`);
      }
      const reader = protobuf.Reader.create(raw);
      const object: JsonRecord = { apiVersion, kind };
      this.#fields(reader, reader.len, this.#message(name), type, object);
      return object;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      // The reader throws on bytes that end too early or make no sense.
      throw new ApiError('BadRequest', 'the protobuf body is malformed', undefined, { cause: error });
    }
  }

  #message(name: string): Message {
    const found = this.#messages.get(name) ?? parseMessage(messageNotations.get(name) ?? '');
    this.#messages.set(name, found);
    return found;
  }

  #fields(reader: Reader, end: number, message: Message, type: SchemaType, into: JsonRecord): void {
    readFields(reader, end, (number, wire) => {
      const field = message.get(number);
      if (field === undefined) return false;
      if (field.inlined) {
        if (wire !== wireBytes) return false;
        this.#fields(reader, reader.uint32() + reader.pos, this.#message(field.name), type, into);
        return true;
      }
      const shape = type.fields.get(field.name);
      if (shape === undefined) return false;
      if ('array' in shape) this.#item(reader, wire, shape.array, into, field.name);
      else if ('map' in shape) this.#entry(reader, shape.map, into, field.name);
      else {
        const value = this.#value(reader, shape);
        if (value !== undefined && (field.pointer || !isEmpty(value))) into[field.name] = value;
      }
      return true;
    });
  }

  #item(reader: Reader, wire: number, shape: Shape, into: JsonRecord, name: string): void {
    const list = (into[name] ??= []) as unknown[];
    const isPacked = wire === wireBytes && 'type' in shape && shape.type !== 'string' && shape.type !== 'any';
    if (!isPacked) list.push(this.#value(reader, shape));
    else for (const end = reader.uint32() + reader.pos; reader.pos < end; ) list.push(this.#value(reader, shape));
  }

  #entry(reader: Reader, shape: Shape, into: JsonRecord, name: string): void {
    const map = (into[name] ??= {}) as JsonRecord;
    let key = '';
    let value: unknown = 'ref' in shape ? {} : '';
    readFields(reader, reader.uint32() + reader.pos, (number) => {
      if (number === 1) key = reader.string();
      else if (number === 2) value = this.#value(reader, shape);
      else return false;
      return true;
    });
    setOwn(map, key, value);
  }

  #value(reader: Reader, shape: Shape): unknown {
    if ('ref' in shape) {
      const value: JsonRecord = {};
      const type = this.#schema.types.get(shape.ref);
      const end = reader.uint32() + reader.pos;
      if (type === undefined) reader.pos = end;
      else this.#fields(reader, end, this.#message(shortName(shape.ref)), type, value);
      return value;
    }
    if ('array' in shape || 'map' in shape) throw badRequest('the protobuf body has a list of lists');
    return readScalar(reader, shape);
  }
}

const readScalar = (reader: Reader, { type, format }: Scalar): unknown => {
  switch (format) {
    case 'byte':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'date-time':
    case 'micro-time':
      return readTime(reader, format);
    case 'int-or-string':
      return readIntOrString(reader);
    case 'quantity':
      return readQuantity(reader);
    case 'int64':
      // A Long where that package is installed; JSON has doubles either way.
      return Number(String(reader.int64()));
    default:
  }
  if (type === 'any') return readAny(reader);
  if (type === 'boolean') return reader.bool();
  if (type === 'integer') return reader.int32();
  return type === 'number' ? reader.double() : reader.string();
};
