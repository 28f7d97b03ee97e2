/**
 * What runs here, put together from CRI's lists. A list has neither addresses nor exit codes; those come from one status
 * call each, and are kept as long as the container or sandbox exists, since they do not change any more:
 * addresses once a sandbox is ready, the start of a running container, everything of an exited one.
 * What this agent makes itself is added to what is known of the pod, without a list (pictures.ts).
 */
import type { Pod } from '../../proto/resources/kubernetes.ts';
import type { Exit } from './containerd-events.ts';
import type { Cri } from './cri.ts';
import { isNotFound } from './cri.ts';
import type { ContainerListItem, CriContainerStatus, SandboxListItem } from './cri-messages.ts';
import { containerNameLabel, imageAnnotation, imageIdAnnotation, messagePolicyAnnotation, podNameLabel, podNamespaceLabel, podUidLabel } from './labels.ts';
import { type Layout, logPath } from './layout.ts';
import { byAttempt, Pictures } from './pictures.ts';
import type { ObservedContainer, ObservedPod, ObservedSandbox } from './runtime.ts';
import { terminationMessage } from './termination-message.ts';

const states = { CONTAINER_CREATED: 'created', CONTAINER_RUNNING: 'running', CONTAINER_EXITED: 'exited', CONTAINER_UNKNOWN: 'unknown' } as const;

/** CRI's nanoseconds as milliseconds. */
const toMs = (nanoseconds: number): number => Math.floor(nanoseconds / 1e6);

/** As much of a container as a list tells. */
const listed = (item: ContainerListItem): ObservedContainer => ({
  id: item.id, name: item.metadata.name, sandboxId: item.pod_sandbox_id, attempt: item.metadata.attempt, state: states[item.state], settled: true,
  createdAtMs: toMs(item.created_at), startedAtMs: 0, finishedAtMs: 0, exitCode: 0, reason: '', message: '',
  image: item.annotations[imageAnnotation] || (item.image?.image ?? ''), imageId: item.annotations[imageIdAnnotation] || item.image_ref,
});

/** Exit codes above 128 are signals, and 137 with the kernel's word for it is OOMKilled; containerd tells which. */
const reasonOf = (status: CriContainerStatus): string => status.reason || (status.exit_code === 0 ? 'Completed' : 'Error');

export class Observer {
  readonly #cri: Cri;
  readonly #layout: Layout;
  readonly #containers = new Map<string, ObservedContainer>();
  readonly #sandboxes = new Map<string, ObservedSandbox>();
  /** Containers of which an event told the end, and CRI does not yet. */
  readonly #ended = new Map<string, ObservedContainer>();
  /** Container and sandbox ids -> pod uid, for events. */
  readonly #owners = new Map<string, { readonly podUid: string; readonly isSandbox: boolean }>();
  /** Pod uid -> how many ids it owns. */
  readonly #owned = new Map<string, number>();
  readonly #pictures = new Pictures();

  constructor(cri: Cri, layout: Layout) {
    this.#cri = cri;
    this.#layout = layout;
  }

  /** Whose the container or sandbox is, without asking containerd; undefined for one that was never seen. */
  ownerOf(id: string): { readonly podUid: string; readonly isSandbox: boolean } | undefined {
    return this.#owners.get(id);
  }

  own(id: string, podUid: string, isSandbox: boolean): void {
    if (!this.#owners.has(id)) this.#owned.set(podUid, (this.#owned.get(podUid) ?? 0) + 1);
    this.#owners.set(id, { podUid, isSandbox });
  }

  forget(id: string): void {
    const podUid = this.#owners.get(id)?.podUid;
    if (podUid !== undefined) {
      const left = (this.#owned.get(podUid) ?? 1) - 1;
      if (left > 0) this.#owned.set(podUid, left);
      else this.#owned.delete(podUid);
    }
    this.#owners.delete(id);
    this.#ended.delete(id);
    this.#containers.delete(id);
    this.#sandboxes.delete(id);
  }

  /** What is known of the container may be wrong: ask again. */
  doubt(id: string): void {
    this.#containers.delete(id);
  }

  /**
   * The container has ended, says an event. False when it is not known to run: then there is nothing to tell before CRI shows it.
   * Until `settled` it is taken for ended, whatever CRI's lists say.
   */
  ended(id: string, { exitCode, atMs }: Exit): boolean {
    const running = this.#containers.get(id);
    const podUid = this.#owners.get(id)?.podUid;
    if (running?.state !== 'running' || podUid === undefined) return false;
    const finishedAtMs = Math.max(atMs, running.startedAtMs);
    const container: ObservedContainer = { ...running, state: 'exited', settled: false, finishedAtMs, exitCode };
    this.#ended.set(id, container);
    this.#pictures.change(podUid, container);
    return true;
  }

  /** CRI shows the end, or never will: it is asked how it was. */
  settled(id: string): void {
    this.#ended.delete(id);
    this.doubt(id);
  }

  /** Something may have happened to the pod: its next observation asks again. */
  doubtPod(uid: string): void {
    this.#pictures.doubt(uid);
  }

  forgetPod(uid: string): void {
    this.#pictures.forget(uid);
  }

  /** Whether containerd's events arrive: only then is anything known without asking. */
  follow(following: boolean): void {
    this.#pictures.follow(following);
  }

  knownPods(): readonly string[] {
    return [...this.#owned.keys()];
  }

  async all(): Promise<Map<string, ObservedPod>> {
    const before = [...this.#owners.keys()];
    const listed = this.#pictures.listing();
    const { pods, ids } = await this.#list(undefined);
    // Only what was known before the lists were asked for: something new may have come since.
    for (const id of before) if (!ids.has(id)) this.forget(id);
    listed();
    return pods;
  }

  async pod(uid: string): Promise<ObservedPod | undefined> {
    for (;;) {
      const known = this.#pictures.known(uid, !this.#owned.has(uid));
      if (known) return known.pod;
      const slot = this.#pictures.slot(uid);
      const pod = (await this.#list({ [podUidLabel]: uid })).pods.get(uid);
      // Else the list may be from before what happened meanwhile.
      if (this.#pictures.keep(uid, slot, pod)) return pod;
    }
  }

  /** Takes in a sandbox that was just made. */
  async madeSandbox(pod: Pod, id: string): Promise<ObservedSandbox> {
    const { uid = '', namespace = '', name = '' } = pod.metadata;
    this.own(id, uid, true);
    const slot = this.#pictures.slot(uid);
    const sandbox = await this.#sandboxStatus(id);
    this.#pictures.add({ uid, namespace, name }, slot, { sandbox });
    return sandbox;
  }

  /** Takes in a container that was just started. */
  async startedContainer(pod: Pod, sandboxId: string, id: string): Promise<void> {
    const { uid = '', namespace = '', name = '' } = pod.metadata;
    const slot = this.#pictures.slot(uid);
    const { status } = await this.#cri.call('ContainerStatus', { container_id: id });
    const container = await this.#detailed({ ...status, pod_sandbox_id: sandboxId }, status);
    this.#containers.set(id, container);
    this.#pictures.add({ uid, namespace, name }, slot, { container });
  }

  async #list(selector: Record<string, string> | undefined): Promise<{ pods: Map<string, ObservedPod>; ids: Set<string> }> {
    const request = selector ? { filter: { label_selector: selector } } : {};
    const [{ items }, { containers }] = await Promise.all([this.#cri.call('ListPodSandbox', request), this.#cri.call('ListContainers', request)]);
    const [sandboxes, runs] = await Promise.all([
      Promise.all(items.map((item) => this.#sandbox(item))),
      Promise.all(containers.map((item) => this.#container(item))),
    ]);
    const pods = new Map<string, ObservedPod & { sandboxes: ObservedSandbox[]; containers: ObservedContainer[] }>();
    const podOf = (labels: Readonly<Record<string, string>>): { sandboxes: ObservedSandbox[]; containers: ObservedContainer[] } | undefined => {
      const uid = labels[podUidLabel];
      if (!uid) return undefined;
      const pod = pods.get(uid) ?? { uid, namespace: labels[podNamespaceLabel] ?? '', name: labels[podNameLabel] ?? '', sandboxes: [], containers: [] };
      pods.set(uid, pod);
      return pod;
    };
    for (const [index, item] of items.entries()) if (sandboxes[index]) podOf(item.labels)?.sandboxes.push(sandboxes[index]);
    for (const [index, item] of containers.entries()) if (runs[index]) podOf(item.labels)?.containers.push(runs[index]);
    for (const { sandboxes: own, containers: runsOfPod } of pods.values()) {
      own.sort(byAttempt);
      runsOfPod.sort(byAttempt);
    }
    return { pods, ids: new Set([...items.map(({ id }) => id), ...containers.map(({ id }) => id)]) };
  }

  /** Undefined when it went away since the list. */
  async #sandbox(item: SandboxListItem): Promise<ObservedSandbox | undefined> {
    const uid = item.labels[podUidLabel];
    if (!uid) return undefined;
    this.own(item.id, uid, true);
    const ready = item.state === 'SANDBOX_READY';
    const known = this.#sandboxes.get(item.id);
    if (known) return known.ready === ready ? known : { ...known, ready };
    try {
      return await this.#sandboxStatus(item.id);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #sandboxStatus(id: string): Promise<ObservedSandbox> {
    const { status } = await this.#cri.call('PodSandboxStatus', { pod_sandbox_id: id });
    const { network } = status;
    const ips = network?.ip ? [network.ip, ...network.additional_ips.map(({ ip }) => ip)] : [];
    const ready = status.state === 'SANDBOX_READY';
    const sandbox = { id, attempt: status.metadata.attempt, ready, createdAtMs: toMs(status.created_at), ips };
    if (ready) this.#sandboxes.set(id, sandbox);
    return sandbox;
  }

  async #container(item: ContainerListItem): Promise<ObservedContainer | undefined> {
    const uid = item.labels[podUidLabel];
    if (!uid || !item.labels[containerNameLabel]) return undefined;
    this.own(item.id, uid, false);
    const state = states[item.state];
    const known = this.#ended.get(item.id) ?? this.#containers.get(item.id);
    if (known?.state === state || known?.settled === false) return known;
    if (state === 'created') return listed(item);
    try {
      const { status } = await this.#cri.call('ContainerStatus', { container_id: item.id });
      const detailed = await this.#detailed(item, status);
      this.#containers.set(item.id, detailed);
      return detailed;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #detailed(item: ContainerListItem, status: CriContainerStatus): Promise<ObservedContainer> {
    const base = listed(item);
    // The status is newer than the list.
    const state = states[status.state];
    const running = { ...base, state, startedAtMs: toMs(status.started_at) };
    if (state !== 'exited') return running;
    const { labels } = item;
    const uid = labels[podUidLabel] ?? '';
    const logs = this.#layout.podLogs(labels[podNamespaceLabel] ?? '', labels[podNameLabel] ?? '', uid);
    const written = await terminationMessage({
      file: this.#layout.terminationMessage(uid, base.name, base.attempt),
      policy: status.annotations[messagePolicyAnnotation] ?? 'File',
      logFile: `${logs}/${logPath(base.name, base.attempt)}`,
      exitCode: status.exit_code,
    });
    const finishedAtMs = toMs(status.finished_at);
    // containerd notes the start after the fact: of a very short run the end may come before it.
    const startedAtMs = Math.min(running.startedAtMs, finishedAtMs);
    return { ...running, startedAtMs, finishedAtMs, exitCode: status.exit_code, reason: reasonOf(status), message: written || status.message };
  }
}
