/** A node's containerd: its own root, state, socket and registry settings, so that no other on this host is touched. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ContainerdFolders {
  /** Where images and metadata last. */
  readonly rootDir: string;
  /** Where sockets and what runs lie; goes with the machine's power. */
  readonly stateDir: string;
  /** A folder for each registry that needs words of its own, with a hosts.toml in it. */
  readonly registriesDir: string;
  readonly pauseImage: string;
  /** Debian keeps the CNI plugins in /usr/lib/cni. */
  readonly cniPluginsDir: string;
}

export interface ContainerdSettings extends Omit<ContainerdFolders, 'registriesDir'> {
  /** Images named `localhost:PORT/…` come from here, e.g. `10.89.0.1:5000`. */
  readonly registry: { readonly name: string; readonly address: string };
}

export const containerdSocket = (stateDir: string): string => join(stateDir, 'containerd.sock');

export const cniConfigDir = (rootDir: string): string => join(rootDir, 'cni');

const capSysResource = 24n;

/** Whether this process may lower a process's OOM score, as pods of the Guaranteed class need; containers inside containers may not. */
const mayLowerOomScores = (): boolean => {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> capSysResource) & 1n) === 1n;
};

/**
 * containerd asks a pod's shim for the sandbox's state before it makes a container. The shim does not answer while it creates
 * another of the pod's containers; after two seconds, unless said otherwise, containerd goes on with process 0 as the sandbox's,
 * and the container's start fails. Below the agent's timeout for a call, which ends what waits for a shim that hangs.
 */
export const stateTimeout = `
[timeouts]
  "io.containerd.timeout.task.state" = "60s"
`;

/** The configuration file's text. */
export const containerdToml = (settings: ContainerdFolders): string => `
version = 2
root = ${JSON.stringify(join(settings.rootDir, 'containerd'))}
state = ${JSON.stringify(join(settings.stateDir, 'containerd'))}
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
]

[grpc]
  address = ${JSON.stringify(containerdSocket(settings.stateDir))}
${stateTimeout}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${JSON.stringify(settings.pauseImage)}
  # Below the state directory, so that they can be told from those of others.
  netns_mounts_under_state_dir = true
  disable_tcp_service = true
  restrict_oom_score_adj = ${!mayLowerOomScores()}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = ${JSON.stringify(join(settings.stateDir, 'runc'))}
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${JSON.stringify(settings.cniPluginsDir)}
    conf_dir = ${JSON.stringify(cniConfigDir(settings.rootDir))}
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = ${JSON.stringify(settings.registriesDir)}
`;

/** Writes the configuration; returns the arguments that containerd starts with. */
export const configureContainerd = (settings: ContainerdSettings): readonly string[] => {
  const registriesDir = join(settings.rootDir, 'registries');
  const hosts = join(registriesDir, settings.registry.name);
  for (const dir of [hosts, settings.stateDir, cniConfigDir(settings.rootDir)]) mkdirSync(dir, { recursive: true, mode: 0o711 });
  writeFileSync(
    join(hosts, 'hosts.toml'),
    `server = "http://${settings.registry.address}"\n\n[host."http://${settings.registry.address}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
  const file = join(settings.rootDir, 'containerd.toml');
  writeFileSync(file, containerdToml({ ...settings, registriesDir }));
  return ['--config', file];
};
