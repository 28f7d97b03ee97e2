/** The part of a write that gives an object what only one object can have: addresses and ports of services. */
import { type ApiError, unavailable } from '../../proto/errors.ts';
import { type Kind, serviceKind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { allocationAttemptsMax } from '../limits.ts';
import { ClaimTaken } from '../store/claims.ts';
import type { Stored } from '../store/stored.ts';
import type { WriteOptions } from './verbs.ts';
import type { WriteContext } from './write-context.ts';

export interface Given {
  /** Claims that the writer did not ask for by name: any other value would do as well. */
  readonly picked: ReadonlySet<string>;
  /** The write is over, whatever became of it. */
  end(): void;
}

export interface Allocator {
  /**
   * Completes `object` in place. `before` is what it replaces.
   *
   * @throws ApiError Invalid (what was asked for is out of range), InternalError (nothing is left to give)
   */
  give(object: KubeObject, before: KubeObject | undefined, warn: (text: string) => void): Given;
  claimsOf(object: KubeObject): readonly string[];
  /** Whether the cache knows the claim as another object's. */
  isTaken(claim: string, by: KubeObject): boolean;
  /** The answer to a writer who asked for what others have. */
  refusal(object: KubeObject, claims: readonly string[]): ApiError;
}

const silently = (): void => undefined;

/** Nothing is written, so nothing guards: the cache is brought up to date and asked. */
const rehearse = async (context: WriteContext, allocator: Allocator, object: KubeObject, { picked }: Given): Promise<void> => {
  await context.reader.current();
  const taken = allocator.claimsOf(object).filter((claim) => !picked.has(claim) && allocator.isTaken(claim, object));
  if (taken.length > 0) throw allocator.refusal(object, taken);
};

/**
 * Writes `object` by `write`, completed. When another controller was faster to give something away, it is given anew;
 * when it is what the writer asked for, that is the writer's answer.
 */
export const allocated = async (
  context: WriteContext,
  kind: Kind,
  { object, before }: { readonly object: KubeObject; readonly before: KubeObject | undefined },
  options: WriteOptions,
  write: (object: KubeObject) => Promise<Stored>,
): Promise<Stored> => {
  const { allocator } = context;
  if (kind !== serviceKind || !allocator) return write(object);
  for (let attempt = 1; ; attempt += 1) {
    const completed = structuredClone(object);
    const given: Given = options.subresource === 'status'
      ? { picked: new Set(), end: silently }
      : allocator.give(completed, before, options.warn ?? silently);
    try {
      if (options.dryRun) await rehearse(context, allocator, completed, given);
      return await write(completed);
    } catch (error) {
      if (!(error instanceof ClaimTaken)) throw error;
      const asked = error.claims.filter((claim) => !given.picked.has(claim));
      if (asked.length > 0) throw allocator.refusal(completed, asked);
      if (attempt >= allocationAttemptsMax) throw unavailable('addresses are being given away faster than they can be found');
    } finally {
      given.end();
    }
    await context.reader.current();
  }
};
