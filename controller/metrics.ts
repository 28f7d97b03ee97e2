/** Numbers about the controller in Prometheus' text form. A registry is handed in like everything else; there is no global one. */
import type { Clock } from '../proto/process/clock.ts';

export type Labels = Readonly<Record<string, string>>;

const escaped = (value: string): string => value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));

const labelText = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
};

interface Metric {
  lines(): string[];
}

/** Counts up. */
export class Counter implements Metric {
  readonly #values = new Map<string, number>();
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  add(labels: Labels, by = 1): void {
    const key = labelText(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  lines(): string[] {
    return [...this.#values].map(([labels, value]) => `${this.#name}${labels} ${value}`);
  }
}

interface Distribution {
  readonly labels: Labels;
  readonly counts: number[];
  sum: number;
  count: number;
}

/** Counts durations by size. */
export class Histogram implements Metric {
  readonly #distributions = new Map<string, Distribution>();
  readonly #name: string;
  readonly #bounds: readonly number[];

  /** `bounds` are the upper ends of the buckets, rising. */
  constructor(name: string, bounds: readonly number[]) {
    this.#name = name;
    this.#bounds = bounds;
  }

  observe(labels: Labels, value: number): void {
    const key = labelText(labels);
    let distribution = this.#distributions.get(key);
    if (!distribution) {
      distribution = { labels, counts: this.#bounds.map(() => 0), sum: 0, count: 0 };
      this.#distributions.set(key, distribution);
    }
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) distribution.counts[bucket] = (distribution.counts[bucket] ?? 0) + 1;
    distribution.sum += value;
    distribution.count += 1;
  }

  lines(): string[] {
    return [...this.#distributions.values()].flatMap(({ labels, counts, sum, count }) => {
      let below = 0;
      const buckets = this.#bounds.map((bound, index) => {
        below += counts[index] ?? 0;
        return `${this.#name}_bucket${labelText({ ...labels, le: String(bound) })} ${below}`;
      });
      const plain = labelText(labels);
      return [
        ...buckets,
        `${this.#name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count}`,
        `${this.#name}_sum${plain} ${sum}`,
        `${this.#name}_count${plain} ${count}`,
      ];
    });
  }
}

/** All metrics of one process. */
export class Metrics {
  readonly #parts: { help: string; type: string; name: string; metric: Metric }[] = [];

  counter(name: string, help: string): Counter {
    const metric = new Counter(name);
    this.#parts.push({ name, help, type: 'counter', metric });
    return metric;
  }

  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const metric = new Histogram(name, bounds);
    this.#parts.push({ name, help, type: 'histogram', metric });
    return metric;
  }

  /** A number that is read when it is asked for. */
  gauge(name: string, help: string, read: () => number, type: 'gauge' | 'counter' = 'gauge'): void {
    this.#parts.push({ name, help, type, metric: { lines: () => [`${name} ${read()}`] } });
  }

  /** The whole in Prometheus' text form, version 0.0.4. */
  text(): string {
    return `${this.#parts
      .flatMap(({ name, help, type, metric }) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...metric.lines()])
      .join('\n')}\n`;
  }
}

/** What every process tells: memory, processor time, age. */
export const addProcessMetrics = (metrics: Metrics, clock: Clock): void => {
  const startedSeconds = clock.nowMs() / 1000 - process.uptime();
  metrics.gauge('process_resident_memory_bytes', 'Memory in use.', () => process.memoryUsage.rss());
  metrics.gauge('process_start_time_seconds', 'When the process started, in seconds since the epoch.', () => startedSeconds);
  metrics.gauge(
    'process_cpu_seconds_total',
    'Processor time used.',
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
    'counter',
  );
};
