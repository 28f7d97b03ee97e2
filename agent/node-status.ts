/**
 * The node as its agent describes it: capacity and what of it pods may have, addresses, versions, conditions. Looked at
 * every few seconds and reported when it changed; heartbeats carry nothing.
 */
import type { Clock, Timer } from '../proto/process/clock.ts';
import type { Log } from '../proto/process/log.ts';
import type { Node, NodeCondition, NodeStatus } from '../proto/resources/kubernetes.ts';
import type { HostIdentity, HostState } from './host-facts.ts';
import { readHostState } from './host-facts.ts';
import { diskAvailableRatioMin, memoryAvailableBytesMin, nodeImagesMax, nodeNotReadyPeriodMs, nodeStatusPeriodMs, pidsAvailableRatioMin, podsMaxDefault } from './limits.ts';

/** The Kubernetes release whose node behaviour this is, and Berth's own version as build metadata. */
export const kubeletVersion = 'v1.32.4+berth.0.1.0';

export interface RuntimeHealth {
  /** e.g. containerd://1.6.20. */
  readonly version: string;
  readonly ready: boolean;
  /** Why not; empty when ready. */
  readonly message: string;
}

export interface NodeImage {
  readonly names: readonly string[];
  readonly sizeBytes: number;
}

/** The part of the runtime that the node's status needs. Neither rejects while the runtime is away: it is then not ready. */
export interface RuntimeFacts {
  health(): Promise<RuntimeHealth>;
  images(): Promise<readonly NodeImage[]>;
}

export interface NodeSettings {
  readonly nodeName: string;
  readonly addresses: readonly string[];
  /** What pods do not get, for the system and the agent. */
  readonly reserved?: { readonly cpuMilli?: number; readonly memoryBytes?: number; readonly ephemeralStorageBytes?: number };
  readonly podsMax?: number;
}

/** What the session needs. */
export interface NodeStatusSource {
  /** Labels and status, for Hello; status alone for reports. */
  node(): Partial<Node>;
  set onChange(onChange: () => void);
}

interface Facts {
  readonly host: HostIdentity;
  readonly state: HostState;
  readonly runtime: RuntimeHealth;
  readonly images: readonly NodeImage[];
}

const kib = (bytes: number): string => `${Math.max(0, Math.floor(bytes / 1_024))}Ki`;
const cpus = (milli: number): string => (milli % 1_000 === 0 ? `${milli / 1_000}` : `${milli}m`);

/** Reasons as kubelet gives them: [under pressure, not under pressure]. */
const pressures = {
  MemoryPressure: ['KubeletHasInsufficientMemory', 'KubeletHasSufficientMemory', 'memory'],
  DiskPressure: ['KubeletHasDiskPressure', 'KubeletHasNoDiskPressure', 'disk space'],
  PIDPressure: ['KubeletHasInsufficientPID', 'KubeletHasSufficientPID', 'process ids'],
} as const;

const pressure = (type: keyof typeof pressures, under: boolean): NodeCondition => {
  const [short, enough, thing] = pressures[type];
  return {
    type,
    status: under ? 'True' : 'False',
    reason: under ? short : enough,
    message: under ? `the node is short of ${thing}` : `the node has enough ${thing}`,
  };
};

const conditions = ({ state, runtime }: Facts): NodeCondition[] => [
  pressure('MemoryPressure', state.memoryAvailableBytes < memoryAvailableBytesMin),
  pressure('DiskPressure', state.diskAvailableBytes < state.diskBytes * diskAvailableRatioMin),
  pressure('PIDPressure', state.pidsMax - state.pids < state.pidsMax * pidsAvailableRatioMin),
  {
    type: 'Ready',
    status: runtime.ready ? 'True' : 'False',
    reason: runtime.ready ? 'KubeletReady' : 'KubeletNotReady',
    message: runtime.ready ? 'the agent is posting ready status' : `the container runtime is not ready: ${runtime.message}`,
  },
];

/** The status that these facts make, without times. */
export const nodeStatus = (facts: Facts, { nodeName, addresses, reserved = {}, podsMax = podsMaxDefault }: NodeSettings): NodeStatus => {
  const { host, state, runtime, images } = facts;
  const pods = String(podsMax);
  return {
    capacity: { cpu: String(host.cpus), memory: kib(host.memoryBytes), 'ephemeral-storage': kib(state.diskBytes), pods },
    allocatable: {
      cpu: cpus(Math.max(0, host.cpus * 1_000 - (reserved.cpuMilli ?? 0))),
      memory: kib(host.memoryBytes - (reserved.memoryBytes ?? 0)),
      'ephemeral-storage': kib(state.diskBytes - (reserved.ephemeralStorageBytes ?? 0)),
      pods,
    },
    addresses: [...addresses.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: nodeName }],
    conditions: conditions(facts),
    nodeInfo: {
      machineID: host.machineId,
      systemUUID: host.machineId,
      bootID: host.bootId,
      kernelVersion: host.kernelVersion,
      osImage: host.osImage,
      containerRuntimeVersion: runtime.version,
      kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: host.architecture,
    },
    images: [...images]
      // containerd lists them in another order each time: of those that are as large as each other the names decide.
      .sort((a, b) => b.sizeBytes - a.sizeBytes || ((a.names[0] ?? '') < (b.names[0] ?? '') ? -1 : 1))
      .slice(0, nodeImagesMax)
      .map(({ names, sizeBytes }) => ({ names: [...names], sizeBytes })),
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
  };
};

interface Parts {
  readonly settings: NodeSettings;
  readonly host: HostIdentity;
  /** On the filesystem that pods write to. */
  readonly rootDir: string;
  readonly runtime: RuntimeFacts;
  readonly clock: Clock;
  readonly log: Log;
}

export class NodeStatusWatch implements NodeStatusSource {
  readonly #parts: Parts;
  #status: NodeStatus = {};
  #text = '';
  #timer: Timer | undefined;
  /** The next look at a runtime that is not ready. */
  #soon: Timer | undefined;
  #closed = false;
  #refreshing = false;
  #onChange: () => void = () => undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  set onChange(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Resolves when the first status is there. Rejects when `rootDir` cannot be looked at. */
  async start(): Promise<void> {
    await this.#refresh();
    this.#timer = this.#parts.clock.every(nodeStatusPeriodMs, () => this.refresh());
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#soon?.cancel();
  }

  /** Looks now, e.g. because the runtime came or went. */
  refresh(): void {
    if (this.#refreshing) return;
    this.#refreshing = true;
    void this.#refresh()
      .catch((error: unknown) => this.#parts.log.warn('node status not read', { error }))
      .finally(() => {
        this.#refreshing = false;
      });
  }

  node(): Partial<Node> {
    const { settings, host } = this.#parts;
    const labels = { 'kubernetes.io/hostname': settings.nodeName, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': host.architecture };
    return { metadata: { name: settings.nodeName, labels }, status: this.#status };
  }

  async #refresh(): Promise<void> {
    const { settings, host, rootDir, runtime, clock } = this.#parts;
    const [state, health, images] = await Promise.all([readHostState(rootDir), runtime.health(), runtime.images()]);
    this.#soon?.cancel();
    // Nothing tells when a runtime that has just started can run pods.
    this.#soon = health.ready || this.#closed ? undefined : clock.after(nodeNotReadyPeriodMs, () => this.refresh());
    const status = nodeStatus({ host, state, runtime: health, images }, settings);
    const text = JSON.stringify(status);
    if (text === this.#text) return;
    this.#text = text;
    this.#status = status;
    this.#onChange();
  }
}
