/**
 * The pods' cgroups, above those that the runtime makes for containers:
 *
 *     <parent>/pod<uid>                 guaranteed
 *     <parent>/burstable/pod<uid>       the share of the CPU that its pods ask for together
 *     <parent>/besteffort/pod<uid>      the least share of the CPU, whatever the number of pods
 *
 * Works where the kernel has v1 controllers (each in a hierarchy of its own, perhaps beside an empty v2 mount) and
 * where it has v2 only.
 */
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { qosClass } from '../../proto/resources/qos.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { runtimeLimits } from '../limits.ts';
import { BurstableShare, type ShareFile } from './burstable-share.ts';
import { killLost } from './lost-processes.ts';
import { cpuWeight, podCpuRequestMilli, type PodResources, podResources } from './resources.ts';

const cgroupFolder = '/sys/fs/cgroup';

export interface CgroupMounts {
  /** v1 controllers by name, e.g. memory -> /sys/fs/cgroup/memory. */
  readonly v1: ReadonlyMap<string, string>;
  /** The v2 mount; it has the controllers only where v1 has none. */
  readonly v2: string | undefined;
}

/** From the text of /proc/self/mountinfo. */
export const parseCgroupMounts = (mountinfo: string): CgroupMounts => {
  const v1 = new Map<string, string>();
  let v2: string | undefined;
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const path = left.split(' ')[4] ?? '';
    const [type, , options = ''] = right.split(' ');
    if (type === 'cgroup2') v2 ??= path;
    if (type !== 'cgroup') continue;
    for (const option of options.split(',')) if (['cpu', 'memory', 'pids'].includes(option) && !v1.has(option)) v1.set(option, path);
  }
  return { v1, v2 };
};

export const podCgroup = (parent: string, pod: Pod): string => {
  const qos = qosClass(pod);
  const middle = qos === 'Guaranteed' ? '' : `/${qos.toLowerCase()}`;
  return `${parent}${middle}/pod${pod.metadata.uid}`;
};

/** Where a pod's cgroup may be, when only its uid is known any more. */
export const podCgroups = (parent: string, uid: string): string[] => ['', '/burstable', '/besteffort'].map((middle) => `${parent}${middle}/pod${uid}`);

/** [file, text] pairs, per v1 controller. */
const v1Settings = (controller: string, resources: PodResources): [string, string][] => {
  if (controller === 'pids') return [['pids.max', String(runtimeLimits.podProcessesMax)]];
  if (controller === 'memory') return resources.memoryLimitBytes > 0 ? [['memory.limit_in_bytes', String(resources.memoryLimitBytes)]] : [];
  const quota: [string, string][] = [['cpu.cfs_period_us', String(resources.cpuPeriodUs)], ['cpu.cfs_quota_us', String(resources.cpuQuotaUs)]];
  return [['cpu.shares', String(resources.cpuShares)], ...(resources.cpuQuotaUs > 0 ? quota : [])];
};

const v2Settings = (resources: PodResources): [string, string][] => [
  ['pids.max', String(runtimeLimits.podProcessesMax)],
  ['cpu.weight', String(cpuWeight(resources.cpuShares))],
  ...(resources.cpuQuotaUs > 0 ? [['cpu.max', `${resources.cpuQuotaUs} ${resources.cpuPeriodUs}`] as [string, string]] : []),
  ...(resources.memoryLimitBytes > 0 ? [['memory.max', String(resources.memoryLimitBytes)] as [string, string]] : []),
];

/** The groups above and including `path` below `parent`'s own parent, outermost first. */
const ancestry = (path: string): string[] => {
  const parts = path.split('/').filter(Boolean);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
};

/** Of a group and of those below it; none when there is no such group. */
const processesIn = async (path: string): Promise<number[]> => {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const below = entries.filter((entry) => entry.isDirectory()).map((entry) => processesIn(`${path}/${entry.name}`));
  const text = entries.length > 0 ? await readFile(`${path}/cgroup.procs`, 'utf8').catch(() => '') : '';
  // 0 is a process outside this process's own namespace: nothing that could be killed from here.
  return [...text.split('\n').map(Number).filter((pid) => pid > 0), ...(await Promise.all(below)).flat()];
};

const removeTree = async (path: string): Promise<void> => {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(`${path}/${entry.name}`);
  // Busy while a process is still going: the next cleaning takes it.
  await rmdir(path).catch(() => undefined);
};

const burstableFile = (parent: string, { v1, v2 }: CgroupMounts): ShareFile | undefined => {
  const cpuMount = v1.get('cpu');
  if (cpuMount !== undefined) return { group: `${cpuMount}${parent}/burstable`, name: 'cpu.shares' };
  return v1.size === 0 && v2 !== undefined ? { group: `${v2}${parent}/burstable`, name: 'cpu.weight' } : undefined;
};

export class Cgroups {
  readonly #parent: string;
  readonly #mounts: CgroupMounts;
  readonly #burstable: BurstableShare | undefined;

  constructor(parent: string, mounts: CgroupMounts) {
    this.#parent = parent;
    this.#mounts = mounts;
    const file = burstableFile(parent, mounts);
    this.#burstable = file && new BurstableShare(file);
  }

  static async open(parent: string): Promise<Cgroups> {
    const cgroups = new Cgroups(parent, parseCgroupMounts(await readFile('/proc/self/mountinfo', 'utf8')));
    await cgroups.#burstable?.adopt();
    return cgroups;
  }

  /** Makes the pod's cgroup with its limits; idempotent. Resolves to its path for CRI. */
  async ensure(pod: Pod): Promise<string> {
    const path = podCgroup(this.#parent, pod);
    const resources = podResources(pod);
    const { v1, v2 } = this.#mounts;
    if (v1.size === 0 && v2 !== undefined) await this.#ensureV2(v2, path, resources);
    await Promise.all([...v1].map(([controller, mount]) => this.#ensureV1(controller, mount, path, resources)));
    if (qosClass(pod) === 'Burstable') await this.#burstable?.hold(pod.metadata.uid ?? '', podCpuRequestMilli(pod));
    return path;
  }

  /** A sandbox of the pod has ended: where nothing else of it runs, others have the CPU that it asked for. */
  async release(uid: string): Promise<void> {
    await this.#burstable?.release(uid);
  }

  async #ensureV1(controller: string, mount: string, path: string, resources: PodResources): Promise<void> {
    await mkdir(`${mount}${path}`, { recursive: true });
    const besteffort = `${this.#parent}/besteffort`;
    if (controller === 'cpu' && path.startsWith(`${besteffort}/`)) await writeFile(`${mount}${besteffort}/cpu.shares`, '2');
    for (const [file, text] of v1Settings(controller, resources)) await writeFile(`${mount}${path}/${file}`, text);
  }

  async #ensureV2(mount: string, path: string, resources: PodResources): Promise<void> {
    const groups = ancestry(path);
    for (const group of ['', ...groups.slice(0, -1)]) {
      await mkdir(`${mount}${group}`, { recursive: true });
      await writeFile(`${mount}${group}/cgroup.subtree_control`, '+cpu +memory +pids');
    }
    await mkdir(`${mount}${path}`, { recursive: true });
    const besteffort = `${this.#parent}/besteffort`;
    if (path.startsWith(`${besteffort}/`)) await writeFile(`${mount}${besteffort}/cpu.weight`, '1');
    for (const [file, text] of v2Settings(resources)) await writeFile(`${mount}${path}/${file}`, text);
  }

  /** Uids of the pods that have cgroups here, whoever made them. */
  async pods(): Promise<string[]> {
    const mounts = await this.#hierarchies();
    // The pods' groups lie beside each other: their parent is that of a pod without a name.
    const parents = mounts.flatMap((mount) => podCgroups(this.#parent, '').map((path) => `${mount}${path.slice(0, path.lastIndexOf('/'))}`));
    const names = (await Promise.all(parents.map((parent) => readdir(parent).catch(() => [])))).flat();
    return [...new Set(names.filter((name) => name.startsWith('pod')).map((name) => name.slice('pod'.length)))];
  }

  /**
   * Removes a pod's cgroups. What still runs in them the runtime has lost: it is killed, and the call rejects; the next finds
   * the groups empty. Idempotent.
   */
  async remove(uid: string): Promise<void> {
    const mounts = await this.#hierarchies();
    const paths = mounts.flatMap((mount) => podCgroups(this.#parent, uid).map((path) => `${mount}${path}`));
    const lost = new Set((await Promise.all(paths.map(processesIn))).flat());
    if (lost.size > 0) {
      await killLost([...lost]);
      throw new Error(`${lost.size} processes of pod ${uid} were lost by the runtime and have been killed`);
    }
    for (const path of paths) await removeTree(path);
    await this.release(uid);
  }

  /** Those with limits of ours, and those in which only the runtime makes groups: devices, freezer, cpuset, … */
  async #hierarchies(): Promise<string[]> {
    const { v1, v2 } = this.#mounts;
    const others = (await readdir(cgroupFolder).catch(() => [])).map((name) => `${cgroupFolder}/${name}`);
    return [...new Set([...v1.values(), ...(v2 === undefined ? [] : [v2]), ...others])];
  }
}
