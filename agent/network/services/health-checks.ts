/**
 * What balancers outside the cluster ask a node about services with externalTrafficPolicy Local: whether any endpoint of the service is
 * ready here. Each has a port (`healthCheckNodePort`) on every node, which answers HTTP as kube-proxy does: 200 or 503.
 */
import { createServer, type Server } from 'node:http';
import { backoffMs } from '../../../proto/process/backoff.ts';
import type { Clock, Timer } from '../../../proto/process/clock.ts';
import type { Log } from '../../../proto/process/log.ts';
import type { EndpointSlice, Service } from '../../../proto/resources/kubernetes.ts';
import { healthChecksLimits } from '../../limits.ts';
import type { NetworkState } from '../network-state.ts';

export interface HealthCheck {
  readonly port: number;
  readonly localEndpoints: number;
}

/** Undefined for a service that nobody may ask about. Pure. */
export const healthCheckOf = (service: Service | undefined, slices: readonly EndpointSlice[], ownNode: string): HealthCheck | undefined => {
  const { type, externalTrafficPolicy, healthCheckNodePort } = service?.spec ?? {};
  if (type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local' || !healthCheckNodePort) return undefined;
  const ready = slices.flatMap(({ endpoints }) => (endpoints ?? []).filter(({ nodeName, conditions }) => nodeName === ownNode && conditions?.ready !== false));
  return { port: healthCheckNodePort, localEndpoints: new Set(ready.flatMap(({ addresses }) => addresses)).size };
};

export interface HealthChecksOptions {
  readonly nodeName: string;
  readonly state: NetworkState;
  readonly clock: Clock;
  readonly log: Log;
}

/** A service's port, open or about to be. */
class HealthCheckPort {
  readonly port: number;
  localEndpoints = 0;
  readonly #options: HealthChecksOptions;
  readonly #server: Server;
  #retry: Timer | undefined;
  #failures = 0;

  constructor(key: string, port: number, options: HealthChecksOptions) {
    const [namespace, name] = key.split('/');
    this.port = port;
    this.#options = options;
    const { connectionsMax, requestTimeoutMs } = healthChecksLimits;
    this.#server = createServer({ requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs }, (_request, response) => {
      response.writeHead(this.localEndpoints > 0 ? 200 : 503, {
        'content-type': 'application/json', 'x-content-type-options': 'nosniff', 'x-load-balancing-endpoint-weight': this.localEndpoints, connection: 'close',
      });
      response.end(JSON.stringify({ service: { namespace, name }, localEndpoints: this.localEndpoints, serviceProxyHealthy: true }));
    });
    this.#server.maxConnections = connectionsMax;
    this.#server.on('error', (error) => this.#tryAgain(error));
    this.#listen();
  }

  close(): void {
    this.#retry?.cancel();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #listen(): void {
    this.#server.listen(this.port, '0.0.0.0', () => {
      this.#failures = 0;
    });
  }

  /** Somebody else has the port, perhaps the one that it belonged to a moment ago. */
  #tryAgain(error: Error): void {
    const { clock, log } = this.#options;
    this.#failures += 1;
    const retryMs = backoffMs(this.#failures, { initialMs: healthChecksLimits.retryMsMin, maxMs: healthChecksLimits.retryMsMax });
    log.warn('a health check port cannot be opened', { port: this.port, error, retryMs });
    this.#retry = clock.after(retryMs, () => this.#listen());
  }
}

export class HealthChecks {
  readonly #options: HealthChecksOptions;
  readonly #ports = new Map<string, HealthCheckPort>();
  readonly #subscription: { close(): void };

  constructor(options: HealthChecksOptions) {
    this.#options = options;
    this.#subscription = options.state.subscribe(({ services }) => {
      // What goes first: its port may be the one that comes.
      const checks = [...services].map((key) => [key, healthCheckOf(options.state.service(key), options.state.slicesOf(key), options.nodeName)] as const);
      for (const [key, check] of checks) if (this.#ports.get(key)?.port !== check?.port) this.#closePort(key);
      for (const [key, check] of checks) if (check) this.#answer(key, check);
    });
  }

  close(): void {
    this.#subscription.close();
    for (const key of this.#ports.keys()) this.#closePort(key);
  }

  #closePort(key: string): void {
    this.#ports.get(key)?.close();
    this.#ports.delete(key);
  }

  #answer(key: string, { port, localEndpoints }: HealthCheck): void {
    const open = this.#ports.get(key) ?? new HealthCheckPort(key, port, this.#options);
    this.#ports.set(key, open);
    open.localEndpoints = localEndpoints;
  }
}
