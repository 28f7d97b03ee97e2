/** What the API counts about its requests. */
import type { Counter, Histogram, Metrics } from '../metrics.ts';
import type { Reader } from '../store/reader.ts';
import type { Inflight } from './inflight.ts';

const durationBoundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class RequestMetrics {
  readonly #requests: Counter;
  readonly #durations: Histogram;

  constructor(metrics: Metrics, reader: Reader, inflight: Inflight) {
    this.#requests = metrics.counter('apiserver_request_total', 'Requests answered, by verb, resource and code.');
    this.#durations = metrics.histogram(
      'apiserver_request_duration_seconds',
      'Time to the end of the answer, watches and logs aside.',
      durationBoundsSeconds,
    );
    metrics.gauge('berth_store_revision', 'Revision that the watch cache has seen.', () => reader.revision);
    metrics.gauge('berth_watchers', 'Watches and followed logs under way.', () => inflight.count('long'));
    metrics.gauge('berth_reads_in_flight', 'Reading requests under way.', () => inflight.count('read'));
    metrics.gauge('berth_writes_in_flight', 'Writing requests under way.', () => inflight.count('write'));
  }

  /** `resource` is empty for what is no resource; `durationMs` undefined for what lasts by nature. */
  record(verb: string, resource: string, code: number, durationMs: number | undefined): void {
    this.#requests.add({ verb, resource, code: String(code) });
    if (durationMs !== undefined) this.#durations.observe({ verb, resource }, durationMs / 1000);
  }
}
