/**
 * One pod's worker: one slot, the latest wins.
 *
 *       spec, event, probe result, timer, step done
 *                         │ wake
 *                         ▼
 *     observe ─► plan ─► start steps ─► report what changed ─► asleep
 *        ▲                   │
 *        └── step done ◄─────┘   steps run beside the loop, at most one per key
 *
 * Invariants: rounds of one pod never overlap; a plan is made from one observation and forgotten; a round that could
 * not observe plans nothing; once the pod goes, starting steps are aborted and none is begun.
 */
import { isDeepStrictEqual } from 'node:util';
import { backoffMs } from '../../proto/process/backoff.ts';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import type { Container, Pod, PodStatus } from '../../proto/resources/kubernetes.ts';
import { podReferences } from '../../proto/resources/pod-references.ts';
import { observeRetryMaxMs, observeRetryMinMs, unsettledHeldMsMax } from '../limits.ts';
import type { ObjectKind } from '../objects.ts';
import { check } from '../probes/check.ts';
import { PodProbes } from '../probes/pod-probes.ts';
import type { ProbeResult } from '../probes/pod-probes.ts';
import type { ObservedPod, Runtime } from '../runtime/runtime.ts';
import { graceMsOf, killKey, sandboxKey, startKey } from './draft.ts';
import { HookRunner } from './hooks.ts';
import type { PodMemory } from './memory.ts';
import { createMemory, volumesSource } from './memory.ts';
import { isFinal } from './phase.ts';
import { plan } from './plan.ts';
import type { PodEvent, PodStatusReport } from './pods.ts';
import { adoptRuns, newRun, probedRuns } from './runs.ts';
import type { Slots } from './slots.ts';
import { statusOf } from './status.ts';
import type { Step, StepContext } from './steps.ts';
import { runStep } from './steps.ts';
import { BackOffEvents, failureEvents, probeFailureEvent, troubleAfter, waitsForObject } from './trouble.ts';
import { deadlineVerdict } from './verdict.ts';
import type { PodView } from './view.ts';
import { viewPod } from './view.ts';

export interface WorkerOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly hostIp: string;
  readonly sandboxSlots: Slots;
  readonly onReport: (report: PodStatusReport) => void;
  readonly onEvent: (event: PodEvent) => void;
  /** Nothing is left of a pod whose object is gone: the worker is of no more use. */
  readonly onFinished: () => void;
}

export class Worker {
  readonly #options: WorkerOptions;
  readonly #memory: PodMemory = createMemory();
  readonly #hooks: HookRunner;
  readonly #probes: PodProbes;
  readonly #backOffEvents = new BackOffEvents();
  /** True until the first observation: runs found by it were started by an agent before this one. */
  #arriving = true;
  #pod: Pod;
  /** The status last reported, or that the pod came with. */
  #status: PodStatus;
  #observed: ObservedPod | undefined;
  /** Whether `#observed` may be planned from: the last look succeeded. */
  #isCurrent = false;
  #goneReported = false;
  /** The next round compares with what the API has: others may have written while no session was there. */
  #reportAnew = false;
  #dirty: 'no' | 'plan' | 'observe' = 'no';
  #turning = false;
  #closed = false;
  #timer: Timer | undefined;
  #observeFailures = 0;

  constructor(pod: Pod, options: WorkerOptions) {
    this.#options = options;
    this.#pod = pod;
    this.#status = pod.status ?? {};
    this.#hooks = new HookRunner(options.runtime, options.clock, options.hostIp);
    this.#probes = new PodProbes({
      clock: options.clock,
      random: options.random,
      check: (probe, run, signal) => check(probe, run, options.runtime.exec.bind(options.runtime), options.clock, signal),
      onVerdict: (result) => this.#onProbeVerdict(result),
      onFailure: (result) => this.#event('Warning', 'Unhealthy', probeFailureEvent(result), result.container),
    });
    this.#noteDeletion();
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** Whether the pod still holds its host ports. */
  get isFinal(): boolean {
    return isFinal(this.#status.phase) || this.#memory.verdict !== undefined;
  }

  /** The pod's object is gone: what is left of it only ends. */
  get isRemoved(): boolean {
    return this.#memory.termination?.removed === true;
  }

  /** What the worker acts upon, for comparing with a list of everything. */
  get observed(): ObservedPod | undefined {
    return this.#observed;
  }

  /** @param anew the pod came with a complete list: what the API has may not be what was last reported */
  update(pod: Pod, anew: boolean): void {
    this.#pod = pod;
    this.#goneReported = false;
    this.#reportAnew ||= anew;
    this.#noteDeletion();
    this.wake('plan');
  }

  /** The pod fails as a whole: rejected, evicted or past its deadline. */
  fail(reason: string, message: string, eventReason = reason): void {
    if (this.#memory.verdict || isFinal(this.#status.phase)) return;
    this.#memory.verdict = { reason, message, sinceMs: this.#options.clock.nowMs() };
    this.#event('Warning', eventReason, message);
    this.#abortStarts('the pod failed');
    this.wake('plan');
  }

  /** Steps that failed for want of the object need not wait for their back-off. */
  objectChanged(kind: ObjectKind, namespace: string, name: string): void {
    const { troubles } = this.#memory;
    if (troubles.size === 0 || namespace !== this.#pod.metadata.namespace) return;
    if (!podReferences(this.#pod).some((reference) => reference.kind === kind && reference.name === name)) return;
    const nowMs = this.#options.clock.nowMs();
    for (const [key, trouble] of troubles) {
      if (waitsForObject(trouble, kind)) troubles.set(key, { ...trouble, retryAtMs: nowMs });
    }
    this.wake('plan');
  }

  /** The object is gone. @param graceMs at most this long; a shorter grace that runs already holds */
  remove(graceMs: number): void {
    this.#terminate(graceMs, true);
    this.wake('plan');
  }

  /** Ends the loop and leaves everything that runs as it is. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#probes.close();
    for (const controller of this.#memory.busy.values()) controller.abort(new Error('the agent stops'));
  }

  /** `observe`: look at the runtime again; `plan`: what is known is enough. */
  wake(why: 'plan' | 'observe'): void {
    if (this.#dirty !== 'observe') this.#dirty = why;
    if (!this.#turning && !this.#closed) void this.#turn();
  }

  #noteDeletion(): void {
    if (this.#pod.metadata.deletionTimestamp === undefined) return;
    const graceSeconds = this.#pod.metadata.deletionGracePeriodSeconds;
    this.#terminate(graceSeconds === undefined ? graceMsOf(this.#pod) : graceSeconds * 1000, false);
  }

  #terminate(graceMs: number, removed: boolean): void {
    const before = this.#memory.termination;
    const asked = this.#options.clock.nowMs() + graceMs;
    const deadlineMs = Math.min(before?.deadlineMs ?? asked, asked);
    this.#memory.termination = { deadlineMs, removed: removed || before?.removed === true };
    if (before === undefined) this.#abortStarts('the pod goes');
  }

  #abortStarts(why: string): void {
    for (const [key, controller] of this.#memory.busy) {
      if (key === sandboxKey || key.startsWith(startKey(''))) controller.abort(new Error(why));
    }
  }

  async #turn(): Promise<void> {
    this.#turning = true;
    // Several causes of one moment make one round.
    await Promise.resolve();
    while (this.#dirty !== 'no' && !this.#closed) {
      const look = this.#dirty === 'observe' || !this.#isCurrent;
      this.#dirty = 'no';
      if (look) this.#isCurrent = await this.#observe();
      if (this.#isCurrent) this.#round();
    }
    this.#turning = false;
  }

  /**
   * False when the picture is not to be planned from: the runtime did not answer, or something happened meanwhile (a container that a step has
   * just started is shown as one that was left unstarted). The worker looks again by itself.
   */
  async #observe(): Promise<boolean> {
    const { runtime, log } = this.#options;
    try {
      this.#observed = await runtime.observePod(this.#pod.metadata.uid ?? '');
      this.#observeFailures = 0;
      return !this.#closed && this.#dirty !== 'observe';
    } catch (error) {
      this.#observeFailures += 1;
      const retryMs = backoffMs(this.#observeFailures, { initialMs: observeRetryMinMs, maxMs: observeRetryMaxMs });
      log.warn('cannot observe pod', { uid: this.#pod.metadata.uid, retryMs, error });
      this.#setTimer(retryMs, 'observe');
      return false;
    }
  }

  #round(): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const memory = this.#memory;
    const view = viewPod(this.#pod, this.#status, this.#observed);
    adoptRuns(view, memory, this.#arriving);
    const takenOver = this.#arriving;
    const deadlineMs = this.#checkDeadline(nowMs);
    const { steps, wakeAtMs } = plan(view, memory, nowMs);
    for (const step of steps) void this.#execute(step);
    const reportAtMs = this.#report(view, nowMs);
    const hostIp = this.#options.hostIp;
    this.#probes.sync(memory.cleaned ? [] : probedRuns(view, memory, hostIp, takenOver));
    const told = this.#backOffEvents.due(view, memory, nowMs);
    for (const { reason, message, container, type } of told.events) this.#event(type, reason, message, container);
    this.#arriving = false;
    if (memory.cleaned && memory.termination?.removed) {
      this.close();
      this.#options.onFinished();
      return;
    }
    const wakes = [wakeAtMs, deadlineMs, told.wakeAtMs, reportAtMs].filter((timeMs) => timeMs !== undefined);
    if (wakes.length > 0) this.#setTimer(Math.min(...wakes) - nowMs, 'plan');
    else this.#timer?.cancel();
  }

  /** Judges activeDeadlineSeconds; returns when to look at it again. */
  #checkDeadline(nowMs: number): number | undefined {
    if (this.isFinal || this.#memory.termination) return undefined;
    const { atMs, reason, message } = deadlineVerdict(this.#pod, this.#status.startTime, nowMs);
    if (atMs === undefined || atMs > nowMs) return atMs;
    this.fail(reason, message);
    return undefined;
  }

  #setTimer(delayMs: number, why: 'plan' | 'observe'): void {
    this.#timer?.cancel();
    if (!this.#closed) this.#timer = this.#options.clock.after(Math.max(delayMs, 1), () => this.wake(why));
  }

  /** Reports what has changed; returns when to look again at a report that is held back, undefined when none is. */
  #report(view: PodView, nowMs: number): number | undefined {
    const memory = this.#memory;
    if (memory.termination?.removed) return undefined;
    const status = statusOf(view, memory, this.#options.hostIp, nowMs);
    const unsettled = view.observed.filter(({ settled }) => !settled);
    if (unsettled.length > 0) {
      // In a moment it is known why it ended; a reader is not told twice, the first time with half of it. Where that takes long, at least
      // nobody is to be sent to it; but how a pod ended is only told with the reason.
      if (isFinal(status.phase)) return undefined;
      const heldUntilMs = Math.min(...unsettled.map(({ finishedAtMs }) => finishedAtMs + unsettledHeldMsMax));
      if (heldUntilMs > nowMs) return heldUntilMs;
    }
    const gone = memory.termination !== undefined && memory.cleaned;
    const known = isDeepStrictEqual(status, this.#status) && (!this.#reportAnew || isDeepStrictEqual(status, this.#pod.status));
    this.#reportAnew = false;
    if (gone ? this.#goneReported : known) return undefined;
    this.#status = status;
    this.#goneReported = gone;
    const { uid = '', namespace = '', name = '' } = this.#pod.metadata;
    this.#options.onReport({ uid, namespace, name, status, gone });
    return undefined;
  }

  async #execute(step: Step): Promise<void> {
    const { busy, killDeadlines, troubles } = this.#memory;
    const controller = new AbortController();
    busy.set(step.key, controller);
    if (step.type === 'killContainer') {
      // A kill that shortens another one takes its place.
      if (!step.hook) busy.get(killKey(step.containerId))?.abort(new Error('a shorter grace period holds'));
      killDeadlines.set(step.containerId, step.deadlineMs);
    }
    try {
      await runStep(step, this.#context(), controller.signal);
      troubles.delete(step.key);
    } catch (error) {
      if (!controller.signal.aborted && !this.#closed) this.#onTrouble(step, error);
    } finally {
      busy.delete(step.key);
      if (step.type === 'killContainer' && killDeadlines.get(step.containerId) === step.deadlineMs) killDeadlines.delete(step.containerId);
      this.wake('observe');
    }
  }

  #onTrouble(step: Step, error: unknown): void {
    const { clock, log } = this.#options;
    const trouble = troubleAfter(error, this.#memory.troubles.get(step.key), clock.nowMs());
    this.#memory.troubles.set(step.key, trouble);
    log.warn('step failed', { step: step.type, uid: this.#pod.metadata.uid, reason: trouble.reason, error });
    for (const { type, reason, message, container } of failureEvents(step, trouble)) this.#event(type, reason, message, container);
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string, container?: Container): void {
    const isInit = container !== undefined && this.#pod.spec?.initContainers?.some((init) => init.name === container.name);
    const fieldPath = container && `spec.${isInit ? 'initContainers' : 'containers'}{${container.name}}`;
    if (!this.#memory.termination?.removed) {
      this.#options.onEvent({ pod: this.#pod, type, reason, message, ...(fieldPath ? { fieldPath } : {}) });
    }
  }

  #context(): StepContext {
    const { runtime, clock, sandboxSlots } = this.#options;
    return {
      runtime,
      clock,
      hooks: this.#hooks,
      sandboxSlots,
      pod: () => this.#pod,
      status: () => this.#status,
      event: (type, reason, message, container) => this.#event(type, reason, message, container),
      onStarted: (container, runId) => {
        const hookPending = container.lifecycle?.postStart !== undefined;
        this.#memory.runs.set(container.name, newRun(container, runId, hookPending));
        this.wake('observe');
      },
      onPostStartFailed: (container, runId) => this.#requestKill(container, runId, 'FailedPostStartHook', undefined),
      onPostStartDone: (container, runId) => {
        const run = this.#memory.runs.get(container.name);
        if (run?.runId === runId) run.hookPending = false;
        this.wake('plan');
      },
      onVolumesPrepared: (pod) => {
        this.#memory.volumesFrom = volumesSource(pod);
      },
      onSandboxStopped: (id) => void this.#memory.stoppedSandboxes.add(id),
      onCleaned: () => {
        this.#memory.cleaned = true;
      },
    };
  }

  #requestKill(container: Container, runId: string, message: string, graceSeconds: number | undefined): void {
    const run = this.#memory.runs.get(container.name);
    if (run?.runId === runId) run.kill ??= { message, graceSeconds, sinceMs: this.#options.clock.nowMs() };
    this.wake('plan');
  }

  #onProbeVerdict({ kind, container, containerId, ok }: ProbeResult): void {
    const run = this.#memory.runs.get(container.name);
    if (run?.runId !== containerId) return;
    if (kind === 'readiness') run.readinessOk = ok;
    else if (kind === 'startup' && ok) run.startupOk = true;
    else if (!ok) {
      const probe = kind === 'startup' ? container.startupProbe : container.livenessProbe;
      const message = `Container ${container.name} failed ${kind} probe, will be restarted`;
      this.#requestKill(container, containerId, message, probe?.terminationGracePeriodSeconds);
    }
    this.wake('plan');
  }
}
