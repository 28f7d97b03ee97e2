/** Every verb once: what HTTP requests and Berth's own loops both call to change objects. */
import { badRequest } from '../../proto/errors.ts';
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject, Scale } from '../../proto/resources/kubernetes.ts';
import { loadSchema, type Schema } from '../../proto/schema/schema.ts';
import { decodeObject } from '../../proto/schema/strict.ts';
import type { Stored } from '../store/stored.ts';
import { createObject } from './create.ts';
import { deleteObject, finishPodDeletion } from './deletion.ts';
import { evictPod } from './eviction.ts';
import { isObject } from './json-equality.ts';
import { applyPatch } from './patch.ts';
import { bindPod } from './pod-binding.ts';
import { scaleKind, scaleOf, withScale } from './scale.ts';
import { rewriteObject, updateObject } from './update.ts';
import type { Deleted, DeleteOptions, PatchType, Verbs, WriteOptions } from './verbs.ts';
import { keyOf, type WriteContext } from './write-context.ts';

export type ApiDependencies = Omit<WriteContext, 'schema'> & { readonly schema?: Schema };

/** What a patch made of a Scale must still look like one. */
const asScale = (value: unknown): Scale => {
  if (!isObject(value)) throw badRequest('the patched scale is not an object');
  return value as unknown as Scale;
};

export class Api implements Verbs {
  readonly #context: WriteContext;

  constructor({ schema, ...others }: ApiDependencies) {
    this.#context = { ...others, schema: schema ?? loadSchema() };
  }

  async create<T extends KubeObject>(kind: Kind, namespace: string, object: T, options: WriteOptions): Promise<Stored<T>> {
    return (await createObject(this.#context, kind, namespace, object, options)) as Stored<T>;
  }

  async update<T extends KubeObject>(kind: Kind, namespace: string, object: T, options: WriteOptions): Promise<Stored<T>> {
    return (await updateObject(this.#context, kind, namespace, object, options)) as Stored<T>;
  }

  async modify<T extends KubeObject>(
    kind: Kind,
    key: string,
    change: (present: T) => T | undefined,
    options: WriteOptions,
  ): Promise<Stored<T>> {
    const produce = (present: Stored): KubeObject | undefined => change(present.object as T);
    return (await rewriteObject(this.#context, { kind, key, options, produce })) as Stored<T>;
  }

  patch(kind: Kind, namespace: string, name: string, type: PatchType, patch: unknown, options: WriteOptions): Promise<Stored> {
    const produce = ({ object }: Stored): KubeObject => applyPatch(this.#context.schema, kind, type, object, patch);
    return rewriteObject(this.#context, { kind, key: keyOf(namespace, name), options, produce });
  }

  delete(kind: Kind, namespace: string, name: string, options: DeleteOptions): Promise<Deleted> {
    return deleteObject(this.#context, kind, namespace, name, options);
  }

  evict(namespace: string, name: string, options: DeleteOptions): Promise<Deleted> {
    return evictPod(this.#context, namespace, name, options);
  }

  bind(namespace: string, name: string, uid: string, nodeName: string, options: WriteOptions, why?: string): Promise<Stored> {
    return bindPod(this.#context, namespace, name, uid, nodeName, options, why);
  }

  finishPodDeletion(namespace: string, name: string, uid: string): Promise<void> {
    return finishPodDeletion(this.#context, namespace, name, uid);
  }

  /** Sets the replicas that a Scale says; resolves to the scaled object. */
  replaceScale(kind: Kind, namespace: string, name: string, scale: Scale, options: WriteOptions): Promise<Stored> {
    return this.#scale(kind, namespace, name, options, () => scale);
  }

  /** Patches the Scale of an object, not the object. */
  patchScale(kind: Kind, namespace: string, name: string, type: PatchType, patch: unknown, options: WriteOptions): Promise<Stored> {
    return this.#scale(kind, namespace, name, options, (object) => {
      const before = scaleOf(object) as unknown as KubeObject;
      // A Scale has no lists: the strategic form is the merge form.
      return asScale(applyPatch(this.#context.schema, kind, type === 'json' ? 'json' : 'merge', before, patch));
    });
  }

  #scale(
    kind: Kind,
    namespace: string,
    name: string,
    { fieldValidation = 'Warn', duplicates = [], ...options }: WriteOptions,
    produce: (object: KubeObject) => Scale,
  ): Promise<Stored> {
    const { schema } = this.#context;
    const checks = { fieldValidation, duplicates, ...(options.warn ? { warn: options.warn } : {}) };
    return rewriteObject(this.#context, {
      kind,
      key: keyOf(namespace, name),
      options: { ...options, subresource: 'scale' },
      strategySubresource: '',
      // It is the Scale that the client sent; the object around it is the server's own.
      produce: ({ object }) => withScale(object, decodeObject(schema, scaleKind, produce(object), checks)),
    });
  }
}
