/** Images: by pull policy, each pulled once for all that wait for it, a few at the same time. */
import { createHash } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import type { Clock } from '../../proto/process/clock.ts';
import type { Container, Pod } from '../../proto/resources/kubernetes.ts';
import { runtimeLimits } from '../limits.ts';
import type { NodeObjects } from '../objects.ts';
import { type Cri, CriError } from './cri.ts';
import type { AuthConfig, CriImage } from './cri-messages.ts';
import { credentialsFor } from './image-credentials.ts';
import { defaultPullPolicy, formatImageReference, type ImageReference, parseImageReference, repositoryOf } from './image-reference.ts';
import { type PulledImage, RuntimeFailure } from './runtime.ts';

interface Pull {
  readonly done: Promise<void>;
  readonly controller: AbortController;
  waiters: number;
}

/** `repository@sha256:…` where the registry told it, else the id: what a status shows as imageID. */
const imageId = (image: CriImage, reference: ImageReference): string => {
  const prefix = `${repositoryOf(reference)}@`;
  return image.repo_digests.find((digest) => digest.startsWith(prefix)) ?? image.repo_digests[0] ?? image.id;
};

const untilAborted = (signal: AbortSignal): { promise: Promise<never>; release: () => void } => {
  let release = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    release = () => signal.removeEventListener('abort', onAbort);
  });
  return { promise, release };
};

export class Images {
  readonly #cri: Cri;
  readonly #objects: NodeObjects;
  readonly #clock: Clock;
  readonly #pulls = new Map<string, Pull>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(cri: Cri, objects: NodeObjects, clock: Clock) {
    this.#cri = cri;
    this.#objects = objects;
    this.#clock = clock;
  }

  /** Throws RuntimeFailure InvalidImageName, ErrImageNeverPull or ErrImagePull. */
  async ensure(pod: Pod, container: Container, signal: AbortSignal): Promise<PulledImage> {
    const name = container.image ?? '';
    const reference = parseImageReference(name);
    if (!reference) throw new RuntimeFailure('InvalidImageName', `Failed to apply default image tag "${name}": couldn't parse image name`);
    const ref = formatImageReference(reference);
    const policy = container.imagePullPolicy ?? defaultPullPolicy(reference);
    const startedMs = this.#clock.monotonicMs();
    const present = policy === 'Always' ? null : await this.status(ref);
    if (!present && policy === 'Never') {
      throw new RuntimeFailure('ErrImageNeverPull', `Container image "${name}" is not present with pull policy of Never`);
    }
    if (!present) await this.#pullOnce(ref, credentialsFor(reference, pod, this.#objects), signal);
    const image = present ?? (await this.status(ref));
    if (!image) throw new RuntimeFailure('ErrImagePull', `image "${name}" was removed right after it was pulled`);
    return {
      ref,
      imageId: imageId(image, reference),
      pulled: !present,
      durationMs: this.#clock.monotonicMs() - startedMs,
      sizeBytes: image.size,
    };
  }

  /** Null when it is not here. */
  async status(ref: string): Promise<CriImage | null> {
    try {
      return (await this.#cri.call('ImageStatus', { image: { image: ref } })).image;
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      throw new RuntimeFailure('ImageInspectError', `failed to inspect image "${ref}": ${error.message}`, { cause: error });
    }
  }

  async #pullOnce(ref: string, credentials: readonly AuthConfig[], signal: AbortSignal): Promise<void> {
    // Whoever brings other credentials does not wait for, nor profit from, this pull.
    const key = createHash('sha256').update(JSON.stringify([ref, credentials])).digest('hex');
    const pull = this.#pulls.get(key) ?? this.#begin(key, ref, credentials);
    pull.waiters++;
    const aborted = untilAborted(signal);
    try {
      signal.throwIfAborted();
      await Promise.race([pull.done, aborted.promise]);
    } finally {
      aborted.release();
      pull.waiters--;
      if (pull.waiters === 0) {
        pull.controller.abort();
        // It takes a moment to end, or waits for its turn still; whoever comes now must not wait for that.
        this.#forget(key, pull);
      }
    }
  }

  #forget(key: string, pull: Pull): void {
    if (this.#pulls.get(key) === pull) this.#pulls.delete(key);
  }

  #begin(key: string, ref: string, credentials: readonly AuthConfig[]): Pull {
    const controller = new AbortController();
    const done = this.#inTurn(() => this.#pull(ref, credentials, controller.signal)).finally(() => this.#forget(key, pull));
    // Each waiter sees the failure; when all have left, nobody does.
    done.catch(() => undefined);
    const pull: Pull = { done, controller, waiters: 0 };
    this.#pulls.set(key, pull);
    return pull;
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#running >= runtimeLimits.pullsMax) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#running++;
    try {
      await work();
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }

  /** Each credential in turn; what the last one met is what is told. */
  async #pull(ref: string, credentials: readonly AuthConfig[], signal: AbortSignal): Promise<void> {
    let last: CriError | undefined;
    for (const auth of credentials.length > 0 ? credentials : [undefined]) {
      try {
        const request = { image: { image: ref }, ...(auth ? { auth } : {}) };
        await this.#cri.call('PullImage', request, { timeoutMs: runtimeLimits.pullTimeoutMs, signal });
        return;
      } catch (error) {
        if (!(error instanceof CriError)) throw error;
        last = error;
      }
    }
    const detail = last?.message ?? '';
    const hint =
      last?.code === status.NOT_FOUND ? 'the registry does not have it: '
      : credentials.length === 0 ? ''
      : `with ${credentials.length} credential(s) from imagePullSecrets: `;
    throw new RuntimeFailure('ErrImagePull', `${hint}${detail}`, { cause: last });
  }
}
