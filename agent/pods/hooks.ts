/** Lifecycle hooks: postStart and preStop as a command, an HTTP request or a pause. */
import type { Clock } from '../../proto/process/clock.ts';
import type { Container, LifecycleHandler, Pod } from '../../proto/resources/kubernetes.ts';
import { httpHookTimeoutMs, postStartExecTimeoutMs } from '../limits.ts';
import { httpGet, portNumber } from '../probes/http.ts';
import { within } from '../probes/timeout.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** A hook that ran and did not succeed; the message may hold what the container printed. */
export class HookFailure extends Error {
  override readonly name = 'HookFailure';
}

export class HookRunner {
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #hostIp: string;

  constructor(runtime: Runtime, clock: Clock, hostIp: string) {
    this.#runtime = runtime;
    this.#clock = clock;
    this.#hostIp = hostIp;
  }

  /** Rejects when the hook fails. */
  postStart(pod: Pod, container: Container, containerId: string, podIp: string, signal: AbortSignal): Promise<void> {
    return this.#run(container.lifecycle?.postStart, pod, container, containerId, podIp, postStartExecTimeoutMs, signal);
  }

  /** Rejects when the hook fails or takes longer than `graceMs`. */
  preStop(pod: Pod, container: Container, containerId: string, podIp: string, graceMs: number, signal: AbortSignal): Promise<void> {
    return this.#run(container.lifecycle?.preStop, pod, container, containerId, podIp, graceMs, signal);
  }

  async #run(
    handler: LifecycleHandler | undefined,
    pod: Pod,
    container: Container,
    containerId: string,
    podIp: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (handler?.exec) {
      const command = handler.exec.command ?? [];
      const result = await within(this.#clock, timeoutMs, (inner) => this.#runtime.exec(containerId, command, timeoutMs, inner), signal);
      if (result.exitCode !== 0) throw new HookFailure(`command exited with ${result.exitCode}: ${result.output}`);
    } else if (handler?.sleep) {
      const sleepMs = handler.sleep.seconds * 1000;
      await this.#clock.sleep(Math.min(sleepMs, timeoutMs), signal);
    } else if (handler?.httpGet) {
      const { httpGet: action } = handler;
      const address = {
        host: action.host || (pod.spec?.hostNetwork ? this.#hostIp : podIp),
        port: portNumber(action.port, container),
        scheme: action.scheme === 'HTTPS' ? ('https' as const) : ('http' as const),
        path: action.path ?? '/',
        headers: action.httpHeaders ?? [],
      };
      const status = await within(this.#clock, Math.min(timeoutMs, httpHookTimeoutMs), (inner) => httpGet(address, inner), signal);
      if (status >= 400) throw new HookFailure(`HTTP request answered ${status}`);
    }
  }
}
