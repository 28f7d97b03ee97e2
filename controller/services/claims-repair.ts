/**
 * Claims and objects brought together again, once in each term of the leader: a claim whose object is gone is removed, and an object
 * that lacks one (written before there were claims, or restored) gets it. Claims are written with their objects, so normally
 * there is nothing to do.
 */
import { type Kind, kinds, serviceKind } from '../../proto/kinds.ts';
import type { Service } from '../../proto/resources/kubernetes.ts';
import { loopWritesMax } from '../limits.ts';
import { claimKey, type ClaimsOf } from '../store/claims.ts';
import { claimsPrefix, createKeyParser, storageKey } from '../store/keys.ts';
import type { FencedKv } from '../store/fence.ts';
import { type KvEntry, KvUnavailable } from '../store/kv.ts';
import { forEachBounded } from '../workloads/batches.ts';
import type { Loop, LoopParts } from '../workloads/loop.ts';
import { isApiError } from '../../proto/errors.ts';

/** Kinds whose objects have something to themselves. */
const claimingKinds: readonly Kind[] = [serviceKind];
const parse = createKeyParser(kinds);

export class ClaimsRepair implements Loop {
  readonly name = 'claims-repair';
  readonly #parts: LoopParts;
  readonly #kv: FencedKv;
  readonly #claimsOf: ClaimsOf;

  constructor(parts: LoopParts, kv: FencedKv, claimsOf: ClaimsOf) {
    this.#parts = parts;
    this.#kv = kv;
    this.#claimsOf = claimsOf;
  }

  start(lost: AbortSignal): void {
    const { log } = this.#parts;
    this.repair(lost).catch((error: unknown) => {
      // The next leader looks again; nothing depends on it now.
      if (error instanceof KvUnavailable || isApiError(error) || lost.aborted) log.warn('claims were not looked through', { error });
      else throw error;
    });
  }

  async repair(lost: AbortSignal): Promise<void> {
    const { reader } = this.#parts;
    const { entries } = await this.#kv.range(claimsPrefix);
    // From here on the cache knows every object that made one of these claims, if it is still there.
    await reader.current(lost);
    const orphans = entries.filter((entry) => !this.#isHeld(entry));
    await forEachBounded(orphans, loopWritesMax, async ({ key, modRevision }) => {
      lost.throwIfAborted();
      await this.#kv.txn([{ key, value: undefined, expectedRevision: modRevision }]);
    });
    const known = new Map(entries.map(({ key, value }) => [key, value.toString()]));
    const missing = claimingKinds.flatMap((kind) => reader.list(kind)).flatMap((stored) =>
      this.#claimsOf(stored.object).filter((claim) => known.get(claimKey(claim)) !== storageKey(stored.kind, stored.key)).map((claim) => ({ claim, stored })));
    await forEachBounded(missing, loopWritesMax, async ({ claim, stored }) => {
      lost.throwIfAborted();
      const key = claimKey(claim);
      const value = storageKey(stored.kind, stored.key);
      const { succeeded } = await this.#kv.txn([{ key, value: Buffer.from(value), expectedRevision: 0 }]);
      if (!succeeded && (await this.#kv.get(key))?.value.toString() !== value) this.#tellDouble(stored.object as Service, claim);
    });
    if (orphans.length + missing.length > 0) this.#parts.log.info('claims were repaired', { removed: orphans.length, missing: missing.length });
  }

  #isHeld({ key, value }: KvEntry): boolean {
    const at = parse(value.toString());
    const holder = at && this.#parts.reader.get(at.kind, at.key);
    return holder !== undefined && this.#claimsOf(holder.object).includes(key.slice(claimsPrefix.length));
  }

  #tellDouble(service: Service, claim: string): void {
    const message = `Another service has ${claim} too: delete one of them, and create it again`;
    this.#parts.recorder.record(service, 'Warning', 'AlreadyAllocated', message, { component: this.name });
  }
}
