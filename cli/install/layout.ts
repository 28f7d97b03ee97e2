/** What lies where on a machine of a production cluster. Below another root everything names itself by its path there. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Folders that the units in deploy/systemd/ name. */
export const systemFolders = ['/usr/lib/berth', '/etc/berth', '/var/lib/berth', '/var/cache/berth', '/run/berth'] as const;

export interface Layout {
  readonly root: string;
  readonly units: string;
  /** A link to this clone: what the units start. */
  readonly program: string;
  readonly pki: string;
  readonly registries: string;
  readonly tokenFile: string;
  readonly etcdData: string;
  readonly containerdData: string;
  readonly containerdState: string;
  readonly agentData: string;
  readonly cgroupParent: string;
  config(file: string): string;
}

export const layoutOf = (root: string): Layout => {
  const at = (path: string): string => join(root, path);
  return {
    root,
    units: at('/etc/systemd/system'),
    program: at('/usr/lib/berth'),
    pki: at('/etc/berth/pki'),
    registries: at('/etc/berth/registries'),
    tokenFile: at('/etc/berth/join-token'),
    etcdData: at('/var/lib/berth-etcd'),
    containerdData: at('/var/lib/berth-containerd'),
    containerdState: at('/run/berth-containerd'),
    agentData: at('/var/lib/berth-agent'),
    // Cgroups know no other root.
    cgroupParent: root === '/' ? '/berth' : `/berth-${createHash('sha256').update(root).digest('hex').slice(0, 8)}`,
    config: (file) => at(`/etc/berth/${file}`),
  };
};
