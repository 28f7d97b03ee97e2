/**
 * The seam between what a pod should be (pods/) and the containers that make it (containerd through CRI, volumes,
 * images, CNI). Everything that the agent must remember about a container is in labels and annotations of the
 * container itself, so that an agent that was killed finds it again.
 */
import type { Container, Pod, PodStatus } from '../../proto/resources/kubernetes.ts';
import type { LogQuery } from '../../proto/tunnel-requests.ts';

export interface ObservedContainer {
  readonly id: string;
  /** The container's name in the pod's spec. */
  readonly name: string;
  readonly sandboxId: string;
  /** 0 for the first run; the restart count of the pod's status. */
  readonly attempt: number;
  readonly state: 'created' | 'running' | 'exited' | 'unknown';
  /** False for one that has just ended, while its reason and its message are not known yet. */
  readonly settled: boolean;
  readonly createdAtMs: number;
  /** 0 until started. */
  readonly startedAtMs: number;
  /** 0 until finished. */
  readonly finishedAtMs: number;
  readonly exitCode: number;
  /** `OOMKilled`, `Error`, `Completed`, `ContainerCannotRun`, `StartError`, …; empty while it runs. */
  readonly reason: string;
  /** The tail of the termination message, or of the log where terminationMessagePolicy says so. */
  readonly message: string;
  /** As the status shows them: the image as named, and the digest form. */
  readonly image: string;
  readonly imageId: string;
}

export interface ObservedSandbox {
  readonly id: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAtMs: number;
  /** Empty until the network is set up, and for hostNetwork. */
  readonly ips: readonly string[];
}

/** One pod as the runtime has it, newest sandbox and attempts first. */
export interface ObservedPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly sandboxes: readonly ObservedSandbox[];
  readonly containers: readonly ObservedContainer[];
}

/** Something happened to a pod's containers: observe it again. */
export interface RuntimeEvent {
  readonly podUid: string;
  readonly type: 'exit' | 'start' | 'oom' | 'sandbox' | 'image';
}

/** Reasons as a waiting container's status shows them. */
export type StartFailure =
  | 'CreateContainerConfigError'
  | 'CreateContainerError'
  | 'RunContainerError'
  | 'ErrImagePull'
  | 'ErrImageNeverPull'
  | 'InvalidImageName'
  | 'ImageInspectError'
  | 'FailedMount'
  | 'FailedCreatePodSandBox';

export class RuntimeFailure extends Error {
  override readonly name = 'RuntimeFailure';
  readonly reason: StartFailure;
  constructor(reason: StartFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export interface PulledImage {
  /** What CRI calls the image by. */
  readonly ref: string;
  /** What the status shows as imageID, e.g. localhost:5000/hello@sha256:… */
  readonly imageId: string;
  /** False when it was there already. */
  readonly pulled: boolean;
  readonly durationMs: number;
  readonly sizeBytes: number;
}

export interface ExecResult {
  readonly exitCode: number;
  /** Standard output and error together, at most 16 KiB. */
  readonly output: string;
}

export interface StartRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly sandbox: ObservedSandbox;
  readonly image: PulledImage;
  /** For fieldRef of status (podIP, hostIP, …). */
  readonly status: PodStatus;
}

export interface Runtime {
  /** Everything that runs here, by pod uid. One pair of list calls, whatever the number of pods. */
  observe(): Promise<ReadonlyMap<string, ObservedPod>>;
  observePod(uid: string): Promise<ObservedPod | undefined>;
  /** From containerd's event stream; after a reconnection every known pod gets one event. */
  subscribe(onEvent: (event: RuntimeEvent) => void): { close(): void };
  /**
   * Mounts what spec.volumes names. Idempotent. Throws RuntimeFailure FailedMount at once while something is missing. From then on ConfigMaps
   * and Secrets are kept up to date in the pod's volumes by the runtime itself; call it once for a pod that is found
   * running after a restart, and again when labels or annotations change (for downwardAPI volumes).
   */
  prepareVolumes(pod: Pod): Promise<void>;
  /** Throws RuntimeFailure FailedCreatePodSandBox. */
  createSandbox(pod: Pod, attempt: number, signal: AbortSignal): Promise<ObservedSandbox>;
  /** Stops and removes the sandbox and what is left of its containers. Idempotent. */
  removeSandbox(id: string): Promise<void>;
  /** Kills the sandbox's network and processes but keeps its containers for their logs and exit codes. Idempotent. */
  stopSandbox(id: string): Promise<void>;
  /** One pull for many waiters; honours imagePullPolicy and imagePullSecrets. Throws RuntimeFailure. */
  pullImage(pod: Pod, container: Container, signal: AbortSignal): Promise<PulledImage>;
  /** Creates and starts; resolves to the container's id. Throws RuntimeFailure. */
  startContainer(request: StartRequest, signal: AbortSignal): Promise<string>;
  /** SIGTERM, then SIGKILL after the grace. Idempotent. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  /** Throws RuntimeFailure-free: a command that cannot run resolves with exit code 126 or 127; a timeout rejects with TimeoutError. */
  exec(containerId: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult>;
  /** Unmounts volumes, removes logs, directories and cgroups of a pod that has no sandbox left. Idempotent. */
  cleanPod(uid: string): Promise<void>;
  /** Bytes on disk of each emptyDir of the pod, by volume name; a runtime may not know. */
  volumeUsage?(uid: string): Promise<ReadonlyMap<string, number>>;
  /** Pod uids that have something on disk, or a cgroup, for cleaning after a restart. */
  podsOnDisk(): Promise<readonly string[]>;
  /** Ends what is left of containers that the runtime has lost. @param observed everything, as just listed */
  endLost?(observed: ReadonlyMap<string, ObservedPod>): Promise<void>;
  /** Resolves once the log is found. Throws ApiError BadRequest with Kubernetes' words. */
  log(query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
}
