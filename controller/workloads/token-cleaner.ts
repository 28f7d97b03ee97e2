/**
 * Removes join tokens when they have expired, as Kubernetes does with bootstrap tokens. They are of no use from then on, whether they are
 * there or not.
 *
 * Writes: deletions of Secrets.
 */
import { secretKind } from '../../proto/kinds.ts';
import { joinTokenNamespace, joinTokenOf } from '../../proto/resources/join-token.ts';
import type { Secret } from '../../proto/resources/kubernetes.ts';
import type { Change } from '../store/stored.ts';
import { ignoring } from './ignoring.ts';
import { type LoopParts, writesAs } from './loop.ts';
import type { Again, Reconciliation } from './reconciler.ts';

const name = 'token-cleaner';

export class TokenCleaner implements Reconciliation {
  readonly name = name;
  readonly kinds = [secretKind];
  readonly #parts: LoopParts;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  keysOf({ type, stored }: Change): string[] {
    const secret = stored.object as Secret;
    return type !== 'DELETED' && secret.metadata.namespace === joinTokenNamespace && joinTokenOf(secret)?.expiresMs !== undefined ? [stored.key] : [];
  }

  async reconcile(key: string, again: Again): Promise<void> {
    const { reader, verbs, clock } = this.#parts;
    const secret = reader.get<Secret>(secretKind, key)?.object;
    const expiresMs = joinTokenOf(secret)?.expiresMs;
    if (secret === undefined || expiresMs === undefined) return;
    const leftMs = expiresMs - clock.nowMs();
    if (leftMs > 0) {
      again(key, leftMs);
      return;
    }
    const { name: secretName = '', uid = '', resourceVersion = '' } = secret.metadata;
    // Not one whose time was prolonged meanwhile.
    const preconditions = { uid, resourceVersion };
    await ignoring(['NotFound', 'Conflict'], verbs.delete(secretKind, joinTokenNamespace, secretName, { ...writesAs(name), preconditions }));
  }
}
