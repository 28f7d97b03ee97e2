/** What the server says about itself: version, health, metrics, and where to look. */
import { noSuchResource } from '../../proto/errors.ts';
import type { Metrics } from '../metrics.ts';
import { type Answer, jsonAnswer, textAnswer } from './answer.ts';
import { customKindsPath } from './paths.ts';
import type { Query } from './query.ts';

export interface ServerInfoOptions {
  /** A semantic version that begins with v1.32, which is what clients go by: `v1.32.0+berth.0.1.0`. */
  readonly version: string;
  readonly metrics: Metrics;
  /** What the nodes use, in the form of metrics. */
  readonly resourceMetrics: () => Promise<string>;
  /** Whether the store can be read and written. */
  readonly ready: () => boolean;
}

/** kubectl asks for them when it does not find a kind, to tell a missing kind from a server that cannot answer. */
const noCustomKinds = {
  kind: 'CustomResourceDefinitionList', apiVersion: 'apiextensions.k8s.io/v1', metadata: { resourceVersion: '0' }, items: [],
};

const paths = ['/api', '/api/v1', '/apis', '/healthz', '/livez', '/metrics', '/metrics/resource', '/openapi/v3', '/readyz', '/version'];

const metricsAnswer = (text: string): Answer => ({ ...textAnswer(200, text), contentType: 'text/plain; version=0.0.4' });

export class ServerInfo {
  readonly #options: ServerInfoOptions;

  constructor(options: ServerInfoOptions) {
    this.#options = options;
  }

  /** The answer at a path; throws ApiError NotFound where there is none. */
  async answer(path: string, query: Query): Promise<Answer> {
    if (path === customKindsPath) return jsonAnswer(200, noCustomKinds);
    const [, root = ''] = path.split('/');
    switch (root) {
      case '':
        return jsonAnswer(200, { paths });
      case 'version':
        if (path === '/version' || path === '/version/') return jsonAnswer(200, this.#version());
        break;
      case 'healthz':
      case 'livez':
        return this.#health(root, [], query);
      case 'readyz':
        return this.#health(root, [['store', this.#options.ready()]], query);
      case 'metrics':
        if (path === '/metrics') return metricsAnswer(this.#options.metrics.text());
        if (path === '/metrics/resource') return metricsAnswer(await this.#options.resourceMetrics());
        break;
    }
    throw noSuchResource();
  }

  #version(): object {
    return {
      major: '1',
      minor: '32',
      gitVersion: this.#options.version,
      gitCommit: '',
      gitTreeState: 'clean',
      buildDate: '1970-01-01T00:00:00Z',
      goVersion: '',
      compiler: 'node',
      platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
    };
  }

  #health(name: string, checks: readonly (readonly [string, boolean])[], query: Query): Answer {
    const healthy = checks.every(([, passes]) => passes);
    if (healthy && !query.has('verbose')) return textAnswer(200, 'ok');
    const all: readonly (readonly [string, boolean])[] = [['ping', true], ...checks];
    const lines = all.map(([check, passes]) => (passes ? `[+]${check} ok` : `[-]${check} failed`));
    return textAnswer(healthy ? 200 : 503, `${lines.join('\n')}\n${name} check ${healthy ? 'passed' : 'failed'}\n`);
  }
}
