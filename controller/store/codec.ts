/**
 * Objects to stored values and back. A value is the object's JSON without resourceVersion; a newline and the place
 * in its transaction follow when that is not 0 (JSON.stringify writes no newline, so the last one separates).
 */
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { revisionAt } from './revisions.ts';
import type { Stored } from './stored.ts';

const newline = 0x0a;

export const encodeJson = (object: KubeObject): Buffer =>
  Buffer.from(JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: undefined } }));

/** `json` as it goes to etcd at a place in its transaction. */
export const encodeValue = (json: Buffer, place: number): Buffer =>
  place === 0 ? json : Buffer.concat([json, Buffer.from(`\n${place}`)]);

/** Throws SyntaxError when the value is not one of ours. */
export const decodeValue = (value: Buffer): { object: KubeObject; place: number } => {
  const at = value.lastIndexOf(newline);
  return at < 0
    ? { object: JSON.parse(value.toString()) as KubeObject, place: 0 }
    : { object: JSON.parse(value.toString('utf8', 0, at)) as KubeObject, place: Number(value.toString('utf8', at + 1)) };
};

/** An object at a revision; its bytes are made when the first reader asks, and kept. */
export class StoredObject<T extends KubeObject = KubeObject> implements Stored<T> {
  readonly kind: Kind;
  readonly key: string;
  readonly object: T;
  readonly revision: number;
  #bytes: Buffer | undefined;

  /** `object` must have its resourceVersion already. */
  constructor(kind: Kind, key: string, object: T, revision: number) {
    this.kind = kind;
    this.key = key;
    this.object = object;
    this.revision = revision;
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(JSON.stringify(this.object));
    return this.#bytes;
  }
}

/** The object with its revision written into it; `object` itself is left alone. */
export const storedAt = <T extends KubeObject>(kind: Kind, key: string, object: T, revision: number): Stored<T> =>
  new StoredObject(kind, key, { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }, revision);

/** A value as etcd holds it. Throws SyntaxError. */
export const storedFrom = (kind: Kind, key: string, value: Buffer, modRevision: number): Stored => {
  const { object, place } = decodeValue(value);
  const revision = revisionAt(modRevision, place);
  // Fresh from the parser, so nobody else holds it.
  object.metadata.resourceVersion = String(revision);
  return new StoredObject(kind, key, object, revision);
};
