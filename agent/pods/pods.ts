/**
 * The pods of this node: one worker each. Fed by the session, reported through `onReport`.
 *
 * Invariants: a pod has at most one worker, from its first mention until nothing of it is left; nothing on the node
 * is touched before the first complete list; what the complete list does not name is stopped and cleaned.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import type { Pod, PodStatus } from '../../proto/resources/kubernetes.ts';
import type { ObjectKind } from '../objects.ts';
import { orphanGraceMs, relistPeriodMs, sandboxesStartingMax } from '../limits.ts';
import type { ObservedPod, Runtime, RuntimeEvent } from '../runtime/runtime.ts';
import { admit } from './admit.ts';
import { graceMsOf } from './draft.ts';
import { evictedReason, hasVolumeLimits, overVolumeLimit } from './eviction.ts';
import { Slots } from './slots.ts';
import { Worker } from './worker.ts';

export interface PodStatusReport {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly status: PodStatus;
  /** Nothing of the pod is left here. */
  readonly gone: boolean;
}

export interface PodEvent {
  readonly pod: Pod;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** `spec.containers{name}` where the event is about one container. */
  readonly fieldPath?: string;
}

/** What the session drives. */
export interface PodSink {
  /** All pods bound to this node. Until the first call nothing on the node is touched. */
  replace(pods: readonly Pod[]): void;
  upsert(pod: Pod): void;
  /** The object is gone from the API: kill what runs, at once if it must. */
  remove(uid: string): void;
}

export interface PodsOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly hostIp: string;
  readonly nodeName: string;
  /** Called with every status that differs from the one before. */
  readonly onReport: (report: PodStatusReport) => void;
  readonly onEvent: (event: PodEvent) => void;
  /** Neither the pod's object nor anything on the node is left: nothing more is reported of it. */
  readonly onForgotten: (uid: string) => void;
}

/** A pod that runs here and that nobody knows: as much of it as the runtime remembers. */
const orphan = (uid: string, observed: ObservedPod | undefined): Pod => {
  const names = new Set(observed?.containers.map((container) => container.name));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { uid, name: observed?.name ?? '', namespace: observed?.namespace ?? '' },
    spec: { containers: [...names].map((name) => ({ name })) },
  };
};

/** Those that run already hold their ports; among the others the older pod wins. */
const byAge = (left: Pod, right: Pod): number => {
  const began = Number(right.status?.startTime !== undefined) - Number(left.status?.startTime !== undefined);
  return began || (left.metadata.creationTimestamp ?? '').localeCompare(right.metadata.creationTimestamp ?? '');
};

export class Pods implements PodSink {
  readonly #options: PodsOptions;
  readonly #workers = new Map<string, Worker>();
  readonly #sandboxSlots = new Slots(sandboxesStartingMax);
  #events: { close(): void } | undefined;
  #relist: Timer | undefined;
  /** A complete list has come: what it does not name may be stopped. */
  #complete = false;
  #judging = false;
  #closed = false;

  constructor(options: PodsOptions) {
    this.#options = options;
  }

  /** Begins to listen to the runtime. Pods come by `replace`. */
  async start(): Promise<void> {
    const { runtime, clock } = this.#options;
    this.#events = runtime.subscribe((event) => this.#onEvent(event));
    this.#relist = clock.every(relistPeriodMs, () => void this.#sweep());
  }

  /** Stops working; containers run on. */
  close(): void {
    this.#closed = true;
    this.#events?.close();
    this.#relist?.cancel();
    for (const worker of this.#workers.values()) worker.close();
    this.#workers.clear();
  }

  replace(pods: readonly Pod[]): void {
    const named = new Set(pods.map((pod) => pod.metadata.uid));
    for (const [uid, worker] of this.#workers) {
      if (!named.has(uid)) worker.remove(graceMsOf(worker.pod));
    }
    for (const pod of pods.toSorted(byAge)) this.#put(pod, true);
    this.#complete = true;
    void this.#sweep();
  }

  upsert(pod: Pod): void {
    this.#put(pod, false);
  }

  remove(uid: string): void {
    this.#workers.get(uid)?.remove(0);
  }

  /** An object that pods may have waited for came, changed or went. */
  objectChanged(kind: ObjectKind, namespace: string, name: string): void {
    for (const worker of this.#workers.values()) worker.objectChanged(kind, namespace, name);
  }

  #put(pod: Pod, anew: boolean): void {
    const known = this.#workers.get(pod.metadata.uid ?? '');
    if (known) {
      known.update(pod, anew);
      return;
    }
    // One that was removed by force may still be ending; the scheduler has given its ports away, and rightly.
    const others = [...this.#workers.values()].filter((worker) => !worker.isFinal && !worker.isRemoved).map((worker) => worker.pod);
    const rejection = pod.metadata.deletionTimestamp ? undefined : admit(pod, others);
    const worker = this.#add(pod);
    if (rejection) worker.fail(rejection.reason, rejection.message);
    worker.wake('observe');
  }

  #add(pod: Pod): Worker {
    const uid = pod.metadata.uid ?? '';
    const { runtime, clock, random, log, hostIp, onReport, onEvent, onForgotten } = this.#options;
    const worker = new Worker(pod, {
      runtime,
      clock,
      random,
      log,
      hostIp,
      onReport,
      onEvent,
      sandboxSlots: this.#sandboxSlots,
      onFinished: () => {
        this.#workers.delete(uid);
        onForgotten(uid);
      },
    });
    this.#workers.set(uid, worker);
    return worker;
  }

  #onEvent(event: RuntimeEvent): void {
    // Only workers start containers, and they look when it is done.
    if (event.type !== 'start') this.#workers.get(event.podUid)?.wake('observe');
  }

  /** One round at a time: a disk with very many files takes longer than the time to the next. */
  async #judgeUsages(): Promise<void> {
    if (this.#judging) return;
    this.#judging = true;
    try {
      for (const worker of this.#workers.values()) await this.#judgeUsage(worker);
    } finally {
      this.#judging = false;
    }
  }

  async #judgeUsage(worker: Worker): Promise<void> {
    const { pod } = worker;
    if (worker.isFinal || !hasVolumeLimits(pod)) return;
    const usage = await this.#options.runtime.volumeUsage?.(pod.metadata.uid ?? '');
    const message = usage && overVolumeLimit(pod, usage);
    if (message) worker.fail(evictedReason, message);
  }

  /** The safety net: whoever differs from what its worker saw is looked at; whoever has no worker goes. */
  async #sweep(): Promise<void> {
    if (!this.#complete || this.#closed) return;
    const { runtime, log } = this.#options;
    try {
      const before = new Set(this.#workers.keys());
      const [observed, onDisk] = await Promise.all([runtime.observe(), runtime.podsOnDisk()]);
      if (this.#closed) return;
      for (const [uid, worker] of this.#workers) {
        if (!isDeepStrictEqual(observed.get(uid), worker.observed)) worker.wake('observe');
      }
      for (const uid of new Set([...observed.keys(), ...onDisk])) {
        if (before.has(uid) || this.#workers.has(uid)) continue;
        log.info('removing a pod that is not this node’s', { uid });
        this.#add(orphan(uid, observed.get(uid))).remove(orphanGraceMs);
      }
      // At once: what has been made since the list was asked for is not in it.
      await runtime.endLost?.(observed);
      await this.#judgeUsages();
    } catch (error) {
      log.warn('cannot list pods', { error });
    }
  }
}
