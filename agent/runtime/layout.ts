/**
 * Where things are on disk, below the agent's root:
 *
 *     pods/<uid>/etc-hosts                               the /etc/hosts of its containers
 *     pods/<uid>/containers/<name>/<attempt>             termination messages
 *     pods/<uid>/volumes/<volume>                        what is mounted from
 *     pods/<uid>/subpaths/<container>/<mount index>      bind mounts of volumes' subPaths
 *     logs/<namespace>_<name>_<uid>/<container>/<attempt>.log
 *     seccomp/                                           profiles of type Localhost
 */
import { chmod, mkdir } from 'node:fs/promises';
import { assert } from '../../proto/process/assert.ts';

const uidPattern = /^[\w-]+$/;

/** Whether a name that was found on disk can be a pod's uid. */
export const isUid = (name: string): boolean => uidPattern.test(name);

export class Layout {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Makes the folders that are there before any pod. */
  async make(): Promise<void> {
    for (const folder of [this.pods, this.logs, this.seccomp]) await mkdir(folder, { recursive: true });
    // Volumes are below, with what is in secrets: the host's other users do not get in.
    await chmod(this.pods, 0o750);
  }

  get pods(): string {
    return `${this.root}/pods`;
  }

  get logs(): string {
    return `${this.root}/logs`;
  }

  get seccomp(): string {
    return `${this.root}/seccomp`;
  }

  pod(uid: string): string {
    // Folders are removed by this name: an empty one would be all pods' folder.
    assert(isUid(uid), `${JSON.stringify(uid)} is no pod's uid`);
    return `${this.pods}/${uid}`;
  }

  hostsFile(uid: string): string {
    return `${this.pod(uid)}/etc-hosts`;
  }

  terminationMessage(uid: string, container: string, attempt: number): string {
    return `${this.pod(uid)}/containers/${container}/${attempt}`;
  }

  volume(uid: string, name: string): string {
    return `${this.pod(uid)}/volumes/${name}`;
  }

  subPath(uid: string, container: string, index: number): string {
    return `${this.pod(uid)}/subpaths/${container}/${index}`;
  }

  podLogs(namespace: string, name: string, uid: string): string {
    return `${this.logs}/${namespace}_${name}_${uid}`;
  }

  containerLogs(namespace: string, name: string, uid: string, container: string): string {
    return `${this.podLogs(namespace, name, uid)}/${container}`;
  }
}

/** Relative to the pod's log folder. */
export const logPath = (container: string, attempt: number): string => `${container}/${attempt}.log`;

/** The uid in the name of a pod's log folder. */
export const uidOfLogFolder = (folder: string): string => folder.slice(folder.lastIndexOf('_') + 1);
