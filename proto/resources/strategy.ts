/** What is particular to a kind when its objects are written; generic code calls it in the order of the members. */
import type { FieldError } from '../errors.ts';
import type { KubeObject } from './kubernetes.ts';

export interface Strategy<T extends KubeObject = KubeObject> {
  /** Fills Kubernetes' defaults into `object`, which is the caller's own copy. */
  setDefaults(object: T): void;
  /** Drops what clients may not set on creation, such as status. In place. */
  prepareForCreate(object: T): void;
  /**
   * Puts back what this write may not change. In place. `subresource` is `status` (keeps the old spec and
   * metadata), empty, or another that writes what is not status (keeps the old status).
   */
  prepareForUpdate(object: T, old: T, subresource: string): void;
  validateCreate(object: T): FieldError[];
  validateUpdate(object: T, old: T, subresource: string): FieldError[];
  /** Texts for Warning headers: deprecated use, and accepted fields that Berth does not act on where ignoring would mislead. */
  warnings(object: T, old?: T): string[];
}

/** The part of a Strategy that a kind writes itself; metadata and status are handled for all kinds alike in strategies.ts. */
export interface KindRules<T extends KubeObject = KubeObject> {
  readonly name: (name: string) => string[];
  setDefaults?(object: T): void;
  /** The status of a new object; what the client sent is in `object` still. Without this, new objects have an empty status. */
  initialStatus?(object: T): unknown;
  prepareForCreate?(object: T): void;
  /** Called after metadata and status were put back. */
  prepareForUpdate?(object: T, old: T, subresource: string): void;
  /** What must hold for every object, new or changed. */
  validate?(object: T): FieldError[];
  /** What must hold beyond that for a new object. */
  validateNew?(object: T): FieldError[];
  /** What must hold between an object and its predecessor. */
  validateUpdate?(object: T, old: T): FieldError[];
  validateStatus?(object: T, old: T): FieldError[];
  warnings?(object: T, old?: T): string[];
}
