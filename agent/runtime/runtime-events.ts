/**
 * containerd's events as the pods' workers want them: about a pod. containerd tells of an exit before its own CRI side has written it down,
 * for which it first removes what is left of the task. So an exit is told twice: at once, with what the event itself says, that
 * the container may be replaced; and when CRI shows it, with the reason and the message that only CRI knows.
 */
import { backoffMs } from '../../proto/process/backoff.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { criLimits } from '../limits.ts';
import { EventStream, type TaskEvent } from './containerd-events.ts';
import { type Cri, CriError, isDeadline } from './cri.ts';
import { podUidLabel } from './labels.ts';
import type { Observer } from './observe.ts';
import type { RuntimeEvent } from './runtime.ts';
import { untilShown } from './until-shown.ts';

export interface RuntimeEventsOptions {
  readonly socket: string;
  readonly cri: Cri;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly log: Log;
  /** containerd is there again after a break. */
  readonly onGap?: () => void;
}

type Owner = NonNullable<ReturnType<Observer['ownerOf']>>;

export class RuntimeEvents {
  readonly #options: RuntimeEventsOptions;
  readonly #stream: EventStream;
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();
  readonly #closing = new AbortController();

  constructor(options: RuntimeEventsOptions) {
    this.#options = options;
    this.#stream = new EventStream({
      socket: options.socket,
      clock: options.clock,
      onEvent: (event) => void this.#take(event),
      onOpen: () => options.observer.follow(true),
      onBreak: () => options.observer.follow(false),
      onGap: () => void this.#afterGap(),
    });
  }

  start(): void {
    this.#stream.start();
  }

  close(): void {
    this.#closing.abort();
    this.#stream.close();
    this.#listeners.clear();
  }

  subscribe(onEvent: (event: RuntimeEvent) => void): { close(): void } {
    this.#listeners.add(onEvent);
    return { close: () => this.#listeners.delete(onEvent) };
  }

  #emit(event: RuntimeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #take({ type, containerId, exit }: TaskEvent): Promise<void> {
    try {
      const { observer } = this.#options;
      const owner = observer.ownerOf(containerId) ?? (await this.#lookUp(containerId));
      if (!owner) return;
      if (exit) {
        if (observer.ended(containerId, exit)) this.#emit({ podUid: owner.podUid, type });
        await this.#untilShown(containerId, owner);
        observer.settled(containerId);
      }
      if (type === 'oom') observer.doubt(containerId);
      observer.doubtPod(owner.podUid);
      this.#emit({ podUid: owner.podUid, type: owner.isSandbox ? 'sandbox' : type });
    } catch (error) {
      // The relist finds what was missed here.
      if (!(error instanceof CriError)) throw error;
      this.#options.log.debug('event not followed up', { type, containerId, error });
    }
  }

  /**
   * After a break nobody knows what was missed. containerd takes connections before its CRI side has found its containers again; told
   * earlier, everybody would ask in vain.
   */
  async #afterGap(): Promise<void> {
    const { cri, observer, clock, onGap } = this.#options;
    onGap?.();
    const answers = (): Promise<boolean> =>
      cri.call('ListPodSandbox', { filter: { id: 'none' } }).then(
        () => true,
        () => false,
      );
    for (let failures = 1; !this.#closing.signal.aborted && !(await answers()); failures++) {
      await clock.sleep(backoffMs(failures, { initialMs: criLimits.reconnectDelayMsMin, maxMs: criLimits.reconnectDelayMsMax }));
    }
    for (const podUid of observer.knownPods()) this.#emit({ podUid, type: 'sandbox' });
  }

  async #lookUp(id: string): Promise<Owner | undefined> {
    const { cri, observer } = this.#options;
    const [{ items }, { containers }] = await Promise.all([cri.call('ListPodSandbox', { filter: { id } }), cri.call('ListContainers', { filter: { id } })]);
    const podUid = (items[0] ?? containers[0])?.labels[podUidLabel];
    if (podUid) observer.own(id, podUid, items.length > 0);
    return observer.ownerOf(id);
  }

  async #untilShown(id: string, { isSandbox }: Owner): Promise<void> {
    const { cri, clock } = this.#options;
    const isShown = async (): Promise<boolean> =>
      isSandbox
        ? (await cri.call('PodSandboxStatus', { pod_sandbox_id: id })).status.state === 'SANDBOX_NOTREADY'
        : (await cri.call('ContainerStatus', { container_id: id })).status.state === 'CONTAINER_EXITED';
    // One that is gone already is shown as well as can be; one that took too long to answer may be asked again.
    await untilShown(() => isShown().catch((error: unknown) => !isDeadline(error)), clock, this.#closing.signal);
  }
}
