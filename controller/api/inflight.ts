/** How much is under way: beyond the bounds a request is answered 429 at once, so that those under way get done. */
import { ApiError } from '../../proto/errors.ts';
import { bodiesBytesMax, extraInFlightMax, readsInFlightMax, watchesMax, writesInFlightMax } from '../limits.ts';

/** `long` is what lasts by nature: watches, followed logs, commands. `extra` is what strangers may ask, so it takes no room from others. */
export type RequestClass = 'read' | 'write' | 'long' | 'extra';

const bounds: Readonly<Record<RequestClass, number>> = {
  read: readsInFlightMax,
  write: writesInFlightMax,
  long: watchesMax,
  extra: extraInFlightMax,
};

const tooMany = (): ApiError =>
  new ApiError('TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 });

export class Inflight {
  readonly #counts: Record<RequestClass, number> = { read: 0, write: 0, long: 0, extra: 0 };
  #bodyBytes = 0;

  count(requests: RequestClass): number {
    return this.#counts[requests];
  }

  /**
   * Counts a request in; call the result once when it is done.
   *
   * @throws ApiError TooManyRequests
   */
  enter(requests: RequestClass): () => void {
    if (this.#counts[requests] >= bounds[requests]) throw tooMany();
    this.#counts[requests] += 1;
    return () => {
      this.#counts[requests] -= 1;
    };
  }

  /** Counts bytes of a body in, or out when negative. @throws ApiError TooManyRequests */
  holdBody(bytes: number): void {
    if (this.#bodyBytes + bytes > bodiesBytesMax) throw tooMany();
    this.#bodyBytes += bytes;
  }
}
