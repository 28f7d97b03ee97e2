/**
 * The runtime of this node: containerd through CRI, with volumes, cgroups and logs beside it. It remembers nothing
 * that it could not find again: a new one on the same folder and socket goes on where the last one was.
 */
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import type { Container, Pod } from '../../proto/resources/kubernetes.ts';
import type { LogQuery } from '../../proto/tunnel-requests.ts';
import { runtimeLimits } from '../limits.ts';
import type { NodeObjects } from '../objects.ts';
import { Volumes } from '../volumes/volumes.ts';
import { Cgroups, podCgroup } from './cgroups.ts';
import { containerConfig } from './container-config.ts';
import { openLog } from './container-log.ts';
import { Cri, CriError, isNotFound } from './cri.ts';
import type { CriCalls, CriMount, SandboxConfig } from './cri-messages.ts';
import { type ClusterDns, podDns } from './dns.ts';
import { environment } from './env.ts';
import { execSync } from './exec.ts';
import type { NodeFacts } from './field-ref.ts';
import { readHostDns } from './host-dns.ts';
import { hostsFile } from './hostname.ts';
import { ImageGc } from './image-gc.ts';
import { Images } from './images.ts';
import { isUid, Layout, uidOfLogFolder } from './layout.ts';
import { Leftovers, type LostFinder } from './leftovers.ts';
import { LogRotation } from './log-rotation.ts';
import { lostNamespaces } from './lost-namespaces.ts';
import { lostShims } from './lost-shims.ts';
import { Observer } from './observe.ts';
import {
  type ExecResult, type ObservedPod, type ObservedSandbox, type PulledImage, type Runtime, type RuntimeEvent,
  RuntimeFailure, type StartFailure, type StartRequest,
} from './runtime.ts';
import { RuntimeEvents } from './runtime-events.ts';
import { sandboxConfig } from './sandbox-config.ts';
import type { ImageUser } from './security.ts';

export interface CriRuntimeOptions {
  /** containerd's unix socket. */
  readonly socket: string;
  /** The agent's folder: pods, logs, seccomp profiles. */
  readonly rootDir: string;
  readonly nodeName: string;
  readonly hostIp: string;
  /** e.g. /berth-node-1 */
  readonly cgroupParent: string;
  readonly objects: NodeObjects;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The cluster's DNS, where the node has it by now. Without it pods use the host's. */
  readonly clusterDns?: () => ClusterDns | undefined;
  /** What containers without limits may use; the whole machine unless said otherwise. */
  readonly allocatable?: NodeFacts['allocatable'];
  readonly resolvConf?: string;
  /** Finds what others hold for sandboxes that are gone. */
  readonly lost?: readonly LostFinder[];
}

const defaultClusterDomain = 'cluster.local';

const failsAs = (reason: StartFailure, what: string) => (error: unknown): never => {
  if (error instanceof CriError) throw new RuntimeFailure(reason, `${what}: ${error.message}`, { cause: error });
  throw error;
};

const unlessNotFound = (error: unknown): void => {
  if (!isNotFound(error)) throw error;
};

export class CriRuntime implements Runtime {
  readonly #options: CriRuntimeOptions;
  readonly #layout: Layout;
  readonly #node: NodeFacts;
  readonly #cri: Cri;
  readonly #observer: Observer;
  readonly #events: RuntimeEvents;
  readonly #images: Images;
  readonly #imageGc: ImageGc;
  readonly #logRotation: LogRotation;
  readonly #leftovers: Leftovers;
  readonly #volumes: Volumes;
  #cgroups: Cgroups | undefined;

  constructor(options: CriRuntimeOptions) {
    const { socket, rootDir, nodeName, hostIp, clock, random, objects, log } = options;
    this.#options = options;
    this.#layout = new Layout(rootDir);
    const allocatable = options.allocatable ?? { cpuMilli: availableParallelism() * 1000, memoryBytes: totalmem(), ephemeralStorageBytes: 0 };
    this.#node = { nodeName, hostIp, allocatable };
    this.#cri = new Cri(socket, () => clock.nowMs());
    this.#observer = new Observer(this.#cri, this.#layout);
    this.#leftovers = new Leftovers([lostShims(socket), lostNamespaces(dirname(socket)), ...(options.lost ?? [])], clock);
    this.#events = new RuntimeEvents({ socket, cri: this.#cri, observer: this.#observer, clock, log, onGap: () => this.#leftovers.afterBreak() });
    this.#images = new Images(this.#cri, objects, clock);
    this.#imageGc = new ImageGc({ cri: this.#cri, clock, log });
    this.#logRotation = new LogRotation({ cri: this.#cri, layout: this.#layout, clock, log });
    this.#volumes = new Volumes({ layout: this.#layout, objects, node: this.#node, random, log });
  }

  /** Must resolve before anything else is called. */
  async start(): Promise<void> {
    await this.#layout.make();
    this.#cgroups = await Cgroups.open(this.#options.cgroupParent);
    this.#events.start();
    this.#imageGc.start();
    this.#logRotation.start();
  }

  /** Leaves everything that runs as it is. */
  close(): void {
    this.#events.close();
    this.#imageGc.close();
    this.#logRotation.close();
    this.#volumes.close();
    this.#cri.close();
  }

  observe(): Promise<ReadonlyMap<string, ObservedPod>> {
    return this.#observer.all();
  }

  observePod(uid: string): Promise<ObservedPod | undefined> {
    return this.#observer.pod(uid);
  }

  subscribe(onEvent: (event: RuntimeEvent) => void): { close(): void } {
    return this.#events.subscribe(onEvent);
  }

  prepareVolumes(pod: Pod): Promise<void> {
    return this.#volumes.prepare(pod);
  }

  /** Bytes on disk of each emptyDir of the pod, by volume name; for the eviction of pods that use too much. */
  volumeUsage(uid: string): Promise<ReadonlyMap<string, number>> {
    return this.#volumes.usage(uid);
  }

  /**
   * A call that makes something is never cancelled once it is sent, here and in startContainer: containerd 1.6 then leaves
   * it half made, with processes that no list shows. The signal counts before each call.
   */
  async createSandbox(pod: Pod, attempt: number, signal: AbortSignal): Promise<ObservedSandbox> {
    const uid = pod.metadata.uid ?? '';
    const config = await this.#sandboxConfig(pod, attempt);
    await mkdir(config.log_directory, { recursive: true });
    await mkdir(this.#layout.pod(uid), { recursive: true });
    await this.#cgroups?.ensure(pod);
    const failed = failsAs('FailedCreatePodSandBox', 'Failed to create pod sandbox');
    signal.throwIfAborted();
    try {
      const { pod_sandbox_id: id } = await this.#leftovers.during(() => this.#cri.call('RunPodSandbox', { config }, { timeoutMs: runtimeLimits.sandboxTimeoutMs }));
      return await this.#observer.madeSandbox(pod, id);
    } catch (error) {
      this.#observer.doubtPod(uid);
      return failed(error);
    }
  }

  async stopSandbox(id: string): Promise<void> {
    const podUid = this.#observer.ownerOf(id)?.podUid;
    await this.#changing(id, () => this.#cri.call('StopPodSandbox', { pod_sandbox_id: id }));
    if (podUid !== undefined) await this.#cgroups?.release(podUid);
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id);
    await this.#changing(id, () => this.#cri.call('RemovePodSandbox', { pod_sandbox_id: id }));
    this.#observer.forget(id);
  }

  pullImage(pod: Pod, container: Container, signal: AbortSignal): Promise<PulledImage> {
    return this.#images.ensure(pod, container, signal);
  }

  async startContainer(request: StartRequest, signal: AbortSignal): Promise<string> {
    const { pod, container, attempt, sandbox, image } = request;
    const { pod_sandbox_id, config, sandbox_config } = await this.#createRequest(request);
    signal.throwIfAborted();
    const uid = pod.metadata.uid ?? '';
    try {
      const { container_id: id } = await this.#cri
        .call('CreateContainer', { pod_sandbox_id, config, sandbox_config })
        .catch(failsAs('CreateContainerError', `failed to create container ${container.name} (attempt ${attempt}, image ${image.ref}, sandbox ${sandbox.id.slice(0, 12)})`));
      this.#observer.own(id, uid, false);
      signal.throwIfAborted();
      await this.#cri
        .call('StartContainer', { container_id: id })
        .catch(failsAs('RunContainerError', `failed to start container ${container.name}`));
      // It runs, whatever becomes of the question how: the next observation asks again.
      await this.#observer.startedContainer(pod, sandbox.id, id).catch(() => this.#observer.doubtPod(uid));
      return id;
    } catch (error) {
      this.#observer.doubtPod(uid);
      throw error;
    }
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const timeoutMs = graceSeconds * 1000 + runtimeLimits.stopMarginMs;
    await this.#changing(id, () => this.#cri.call('StopContainer', { container_id: id, timeout: graceSeconds }, { timeoutMs }));
  }

  async removeContainer(id: string): Promise<void> {
    await this.#changing(id, () => this.#cri.call('RemoveContainer', { container_id: id }));
    this.#observer.forget(id);
  }

  exec(containerId: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    return execSync(this.#cri, this.#options.clock, containerId, command, timeoutMs, signal);
  }

  async cleanPod(uid: string): Promise<void> {
    await this.#volumes.clean(uid);
    for (const folder of await readdir(this.#layout.logs)) {
      if (uidOfLogFolder(folder) === uid) await rm(`${this.#layout.logs}/${folder}`, { recursive: true, force: true });
    }
    await this.#cgroups?.remove(uid);
    this.#observer.forgetPod(uid);
  }

  async podsOnDisk(): Promise<readonly string[]> {
    const [pods, logs, cgroups] = await Promise.all([readdir(this.#layout.pods), readdir(this.#layout.logs), this.#cgroups?.pods() ?? []]);
    return [...new Set([...pods, ...logs.map(uidOfLogFolder), ...cgroups])].filter(isUid);
  }

  async endLost(observed: ReadonlyMap<string, ObservedPod>): Promise<void> {
    const known = new Set([...observed.values()].flatMap(({ sandboxes, containers }) => [...sandboxes, ...containers].map(({ id }) => id)));
    const ended = await this.#leftovers.look(known);
    if (ended.length > 0) this.#options.log.info('ended what the runtime had lost', { ended });
  }

  log(query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const { podUid, container } = query;
    const isRunning = async (): Promise<boolean> => {
      const runs = (await this.observePod(podUid))?.containers.filter(({ name }) => name === container) ?? [];
      // Until the end has settled, containerd may still be writing what was printed last.
      return runs.some(({ state, settled }) => state === 'running' || state === 'created' || !settled);
    };
    const onChange = (listener: () => void): { close(): void } => this.subscribe((event) => event.podUid === podUid && listener());
    return openLog(query, { layout: this.#layout, clock: this.#options.clock, isRunning, onChange }, signal);
  }

  /** CRI's own calls, for what is no part of `Runtime`: versions, conditions and usage for the node's status. */
  call<M extends 'Version' | 'Status' | 'ImageFsInfo' | 'ListImages' | 'ListContainerStats' | 'ContainerStats' | 'Exec' | 'Attach' | 'PortForward'>(
    method: M,
    request: CriCalls[M][0],
    signal?: AbortSignal,
  ): Promise<CriCalls[M][1]> {
    return this.#cri.call(method, request, { signal });
  }

  /** A call that ends something; what is not there has been ended. Its pod is observed anew, whether the call succeeds or not. */
  async #changing(id: string, call: () => Promise<unknown>): Promise<void> {
    try {
      await call().catch(unlessNotFound);
    } finally {
      const podUid = this.#observer.ownerOf(id)?.podUid;
      if (podUid !== undefined) this.#observer.doubtPod(podUid);
    }
  }

  async #sandboxConfig(pod: Pod, attempt: number): Promise<SandboxConfig> {
    const { cgroupParent, resolvConf } = this.#options;
    const clusterDns = this.#options.clusterDns?.();
    const { namespace = '', name = '', uid = '' } = pod.metadata;
    return sandboxConfig(pod, {
      attempt,
      logDirectory: this.#layout.podLogs(namespace, name, uid),
      cgroupParent: podCgroup(cgroupParent, pod),
      dns: podDns(pod, await readHostDns(resolvConf), clusterDns),
      clusterDomain: clusterDns?.domain ?? defaultClusterDomain,
      profilesDir: this.#layout.seccomp,
    });
  }

  async #createRequest({ pod, container, attempt, sandbox, image, status }: StartRequest): Promise<CriCalls['CreateContainer'][0]> {
    const variables = environment({ pod, container, status, node: this.#node, objects: this.#options.objects });
    const mounts = await this.#volumes.mounts(pod, container, variables);
    const taken = new Set(mounts.map(({ container_path }) => container_path));
    const own = [await this.#hostsMount(pod, sandbox), await this.#messageMount(pod, container, attempt)];
    const config = containerConfig(pod, container, {
      attempt,
      image,
      imageUser: await this.#imageUser(pod, container, image),
      environment: variables,
      mounts: [...mounts, ...own.filter(({ container_path }) => !taken.has(container_path))],
      nodeMemoryBytes: this.#node.allocatable.memoryBytes,
      profilesDir: this.#layout.seccomp,
    });
    await mkdir(this.#layout.containerLogs(pod.metadata.namespace ?? '', pod.metadata.name ?? '', pod.metadata.uid ?? '', container.name), { recursive: true });
    return { pod_sandbox_id: sandbox.id, config, sandbox_config: await this.#sandboxConfig(pod, sandbox.attempt) };
  }

  async #hostsMount(pod: Pod, sandbox: ObservedSandbox): Promise<CriMount> {
    const path = this.#layout.hostsFile(pod.metadata.uid ?? '');
    const hostText = pod.spec?.hostNetwork ? await readFile('/etc/hosts', 'utf8').catch(() => '') : '';
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, hostsFile(pod, sandbox.ips, this.#options.clusterDns?.()?.domain ?? defaultClusterDomain, hostText), { mode: 0o644 });
    return { container_path: '/etc/hosts', host_path: path, readonly: false, propagation: 'PROPAGATION_PRIVATE' };
  }

  /** A file of its own for each run, which any user may write. */
  async #messageMount(pod: Pod, container: Container, attempt: number): Promise<CriMount> {
    const path = this.#layout.terminationMessage(pod.metadata.uid ?? '', container.name, attempt);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '');
    // Not left to writeFile: the umask would take bits away.
    await chmod(path, 0o666);
    return { container_path: container.terminationMessagePath ?? '/dev/termination-log', host_path: path, readonly: false, propagation: 'PROPAGATION_PRIVATE' };
  }

  /** Asked for only where it decides something: one call less for most containers. */
  async #imageUser(pod: Pod, container: Container, image: PulledImage): Promise<ImageUser> {
    const contexts = [container.securityContext, pod.spec?.securityContext];
    if (!contexts.some((context) => context?.runAsNonRoot || context?.runAsGroup !== undefined)) return {};
    const found = await this.#images.status(image.ref);
    return { ...(found?.uid ? { uid: found.uid.value } : {}), ...(found?.username ? { username: found.username } : {}) };
  }
}
