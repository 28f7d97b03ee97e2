/**
 * The volumes of this node's pods, below the pod's folder. Each is made from facts on disk (is it mounted, what is in
 * it), so that an agent that was killed goes on where it was; volumes made of ConfigMaps and Secrets follow their objects.
 */
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import type { Container, Pod, Volume, VolumeMount } from '../../proto/resources/kubernetes.ts';
import { wholeValue } from '../../proto/resources/quantity.ts';
import type { NodeObjects } from '../objects.ts';
import type { CriMount } from '../runtime/cri-messages.ts';
import { expand } from '../runtime/env.ts';
import type { NodeFacts } from '../runtime/field-ref.ts';
import type { Layout } from '../runtime/layout.ts';
import { RuntimeFailure } from '../runtime/runtime.ts';
import { type FolderContent, writeAtomicFolder } from './atomic-folder.ts';
import { failedMount, isInMemory, volumeContent, volumeObjects } from './content.ts';
import { checkHostPath } from './host-path.ts';
import { isMounted, mountTmpfs, unmountUnder } from './mounts.ts';
import { giveToGroup } from './ownership.ts';
import { mountSubPath } from './sub-path.ts';

export interface VolumesOptions {
  readonly layout: Layout;
  readonly objects: NodeObjects;
  readonly node: NodeFacts;
  readonly random: Random;
  readonly log: Log;
}

const propagations: Readonly<Record<string, CriMount['propagation']>> = {
  HostToContainer: 'PROPAGATION_HOST_TO_CONTAINER',
  Bidirectional: 'PROPAGATION_BIDIRECTIONAL',
};

/** The field that says what kind of volume it is, e.g. nfs. */
const typeOf = (volume: Volume): string => Object.keys(volume).find((key) => key !== 'name') ?? 'emptyDir';

export class Volumes {
  readonly #options: VolumesOptions;
  /** Pods whose volumes were prepared, by uid; and which of them name an object. */
  readonly #pods = new Map<string, Pod>();
  readonly #users = new Map<string, Set<string>>();
  /** One change of a pod's volumes after the other. */
  readonly #tails = new Map<string, Promise<void>>();
  readonly #subscription: { close(): void };

  constructor(options: VolumesOptions) {
    this.#options = options;
    this.#subscription = options.objects.subscribe((kind, namespace, name) => this.#refresh(`${kind}/${namespace}/${name}`));
  }

  close(): void {
    this.#subscription.close();
  }

  /** Idempotent. Throws RuntimeFailure FailedMount. */
  async prepare(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    this.#remember(uid, pod);
    await this.#inTurn(uid, async () => {
      for (const volume of pod.spec?.volumes ?? []) await this.#prepareOne(pod, volume);
    });
  }

  /** Unmounts everything; what hostPath names stays. Idempotent. */
  async clean(uid: string): Promise<void> {
    this.#forget(uid);
    await this.#inTurn(uid, async () => {
      const folder = this.#options.layout.pod(uid);
      await unmountUnder(folder);
      await rm(folder, { recursive: true, force: true });
    });
    this.#tails.delete(uid);
  }

  /** The container's volumeMounts as CRI's, in order. Throws RuntimeFailure CreateContainerConfigError. */
  async mounts(pod: Pod, container: Container, environment: ReadonlyMap<string, string>): Promise<CriMount[]> {
    // A pod that an earlier agent prepared: what it names is followed from now on.
    if (!this.#pods.has(pod.metadata.uid ?? '')) await this.prepare(pod);
    const mounts: CriMount[] = [];
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
      mounts.push({
        container_path: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
        host_path: await this.#source(pod, container, mount, index, environment),
        readonly: mount.readOnly === true || this.#isOfObjects(pod, mount),
        propagation: propagations[mount.mountPropagation ?? ''] ?? 'PROPAGATION_PRIVATE',
      });
    }
    return mounts;
  }

  /** Bytes on disk of each emptyDir of the pod, by volume name; those in memory are limited by the kernel. */
  async usage(uid: string): Promise<ReadonlyMap<string, number>> {
    const usage = new Map<string, number>();
    for (const volume of this.#pods.get(uid)?.spec?.volumes ?? []) {
      if (!volume.emptyDir || volume.emptyDir.medium === 'Memory') continue;
      usage.set(volume.name, await diskUsage(this.#options.layout.volume(uid, volume.name)));
    }
    return usage;
  }

  /** As in Kubernetes nobody but the node writes to those. */
  #isOfObjects({ spec }: Pod, mount: VolumeMount): boolean {
    const volume = spec?.volumes?.find(({ name }) => name === mount.name);
    return (volume?.configMap ?? volume?.secret ?? volume?.downwardAPI ?? volume?.projected) !== undefined;
  }

  async #source(pod: Pod, container: Container, mount: VolumeMount, index: number, environment: ReadonlyMap<string, string>): Promise<string> {
    const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name);
    if (!volume) throw new RuntimeFailure('CreateContainerConfigError', `cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    const uid = pod.metadata.uid ?? '';
    const path = volume.hostPath?.path ?? this.#options.layout.volume(uid, volume.name);
    const subPath = mount.subPathExpr ? expand(mount.subPathExpr, environment) : (mount.subPath ?? '');
    if (subPath === '') return path;
    const target = this.#options.layout.subPath(uid, container.name, index);
    await mountSubPath(path, subPath, target);
    return target;
  }

  async #prepareOne(pod: Pod, volume: Volume): Promise<void> {
    const { layout, node, objects } = this.#options;
    const folder = layout.volume(pod.metadata.uid ?? '', volume.name);
    if (volume.hostPath) {
      await checkHostPath(volume.name, volume.hostPath.path, volume.hostPath.type ?? '');
      return;
    }
    if (volume.emptyDir) {
      await this.#prepareEmptyDir(pod, volume, folder);
      return;
    }
    const content = volumeContent(volume, { pod, node, objects });
    if (!content) throw failedMount(volume.name, `Berth does not support volumes of type ${typeOf(volume)}`);
    await mkdir(folder, { recursive: true });
    if (isInMemory(volume) && !(await isMounted(folder))) await mountTmpfs(folder, 0);
    await this.#write(pod, folder, content);
  }

  async #prepareEmptyDir(pod: Pod, volume: Volume, folder: string): Promise<void> {
    // What is there already belongs to the pod's containers.
    const exists = await stat(folder).then(() => true, () => false);
    const inMemory = volume.emptyDir?.medium === 'Memory';
    if (exists && (!inMemory || (await isMounted(folder)))) return;
    const group = pod.spec?.securityContext?.fsGroup;
    if (inMemory) {
      await mkdir(folder, { recursive: true });
      await mountTmpfs(folder, volume.emptyDir?.sizeLimit === undefined ? 0 : wholeValue(volume.emptyDir.sizeLimit), group);
      return;
    }
    // Made beside, where no volume can be: one that is there is finished, wherever an agent was killed.
    const unfinished = `${folder}.new`;
    await mkdir(unfinished, { recursive: true });
    await chmod(unfinished, 0o777);
    if (group !== undefined) await giveToGroup(unfinished, group, true);
    await rename(unfinished, folder);
  }

  async #write(pod: Pod, folder: string, content: FolderContent): Promise<void> {
    const group = pod.spec?.securityContext?.fsGroup;
    const give = async (version: string): Promise<void> => {
      if (group !== undefined) await giveToGroup(version, group, false);
    };
    // Compared as they will be: giving files to the group lets it read them.
    const shown = group === undefined ? content : new Map([...content].map(([path, { data, mode }]) => [path, { data, mode: mode | 0o440 }]));
    await writeAtomicFolder(folder, shown, this.#options.random.suffix(10), give);
  }

  #remember(uid: string, pod: Pod): void {
    this.#forget(uid);
    this.#pods.set(uid, pod);
    for (const volume of pod.spec?.volumes ?? []) {
      for (const key of volumeObjects(volume, pod.metadata.namespace ?? '')) {
        const users = this.#users.get(key) ?? new Set();
        this.#users.set(key, users.add(uid));
      }
    }
  }

  #forget(uid: string): void {
    const pod = this.#pods.get(uid);
    this.#pods.delete(uid);
    for (const volume of pod?.spec?.volumes ?? []) {
      for (const key of volumeObjects(volume, pod?.metadata.namespace ?? '')) {
        this.#users.get(key)?.delete(uid);
        if (this.#users.get(key)?.size === 0) this.#users.delete(key);
      }
    }
  }

  #refresh(key: string): void {
    for (const uid of this.#users.get(key) ?? []) {
      const pod = this.#pods.get(uid);
      const volumes = (pod?.spec?.volumes ?? []).filter((volume) => volumeObjects(volume, pod?.metadata.namespace ?? '').includes(key));
      void this.#inTurn(uid, async () => {
        if (!pod || !this.#pods.has(uid)) return;
        for (const volume of volumes) await this.#prepareOne(pod, volume);
      }).catch((error: unknown) => {
        // An object that went away leaves the pod with what it had, as in Kubernetes.
        this.#options.log.warn('volume not updated', { pod: `${pod?.metadata.namespace}/${pod?.metadata.name}`, error });
      });
    }
  }

  #inTurn(uid: string, work: () => Promise<void>): Promise<void> {
    const next = (this.#tails.get(uid) ?? Promise.resolve()).then(work);
    this.#tails.set(uid, next.catch(() => undefined));
    return next;
  }
}

/** Bytes that a folder takes on disk, holes not counted. */
export const diskUsage = async (path: string): Promise<number> => {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    const child = `${path}/${basename(entry.name)}`;
    if (entry.isDirectory()) bytes += await diskUsage(child);
    else if (entry.isFile()) bytes += ((await stat(child).catch(() => undefined))?.blocks ?? 0) * 512;
  }
  return bytes;
};
