/** The messages of proto/cri.proto as they look in memory: names as in the file, int64 as numbers, enums as their names. */

export interface Int64Value {
  readonly value: number;
}

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly container_port: number;
  readonly host_port: number;
  readonly host_ip: string;
}

export interface NamespaceOption {
  readonly network: 'POD' | 'NODE';
  readonly pid: 'POD' | 'CONTAINER' | 'NODE';
  readonly ipc: 'POD' | 'NODE';
}

export interface SecurityProfile {
  readonly profile_type: 'RuntimeDefault' | 'Unconfined' | 'Localhost';
  readonly localhost_ref?: string;
}

export interface SandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

export interface SandboxConfig {
  readonly metadata: SandboxMetadata;
  readonly hostname: string;
  readonly log_directory: string;
  readonly dns_config?: DnsConfig;
  readonly port_mappings: readonly PortMapping[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: {
    readonly cgroup_parent: string;
    readonly sysctls: Readonly<Record<string, string>>;
    readonly security_context: {
      readonly namespace_options: NamespaceOption;
      readonly run_as_user?: Int64Value;
      readonly run_as_group?: Int64Value;
      readonly supplemental_groups: readonly number[];
      readonly privileged: boolean;
      readonly seccomp: SecurityProfile;
    };
  };
}

export interface CriMount {
  readonly container_path: string;
  readonly host_path: string;
  readonly readonly: boolean;
  readonly propagation: 'PROPAGATION_PRIVATE' | 'PROPAGATION_HOST_TO_CONTAINER' | 'PROPAGATION_BIDIRECTIONAL';
}

export interface LinuxResources {
  readonly cpu_period: number;
  readonly cpu_quota: number;
  readonly cpu_shares: number;
  readonly memory_limit_in_bytes: number;
  readonly oom_score_adj: number;
}

export interface ContainerSecurity {
  readonly capabilities: { readonly add_capabilities: readonly string[]; readonly drop_capabilities: readonly string[] };
  readonly privileged: boolean;
  readonly namespace_options: NamespaceOption;
  readonly run_as_user?: Int64Value;
  readonly run_as_group?: Int64Value;
  readonly run_as_username?: string;
  readonly readonly_rootfs: boolean;
  readonly supplemental_groups: readonly number[];
  readonly no_new_privs: boolean;
  readonly masked_paths: readonly string[];
  readonly readonly_paths: readonly string[];
  readonly seccomp: SecurityProfile;
}

export interface ContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number };
  readonly image: { readonly image: string };
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly working_dir: string;
  readonly envs: readonly { readonly key: string; readonly value: string }[];
  readonly mounts: readonly CriMount[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly log_path: string;
  readonly stdin: boolean;
  readonly stdin_once: boolean;
  readonly tty: boolean;
  readonly linux: { readonly resources: LinuxResources; readonly security_context: ContainerSecurity };
}

export interface SandboxListItem {
  readonly id: string;
  readonly metadata: SandboxMetadata;
  readonly state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY';
  /** Nanoseconds since the epoch, like every time in CRI. */
  readonly created_at: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface SandboxStatus {
  readonly id: string;
  readonly metadata: SandboxMetadata;
  readonly state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY';
  readonly created_at: number;
  readonly network: { readonly ip: string; readonly additional_ips: readonly { readonly ip: string }[] } | null;
}

export type CriContainerState = 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN';

export interface ContainerListItem {
  readonly id: string;
  readonly pod_sandbox_id: string;
  readonly metadata: { readonly name: string; readonly attempt: number };
  readonly image: { readonly image: string } | null;
  readonly image_ref: string;
  readonly state: CriContainerState;
  readonly created_at: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface CriContainerStatus {
  readonly id: string;
  readonly metadata: { readonly name: string; readonly attempt: number };
  readonly state: CriContainerState;
  readonly created_at: number;
  readonly started_at: number;
  readonly finished_at: number;
  readonly exit_code: number;
  readonly image: { readonly image: string } | null;
  readonly image_ref: string;
  readonly reason: string;
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly log_path: string;
}

export interface CriImage {
  readonly id: string;
  readonly repo_tags: readonly string[];
  readonly repo_digests: readonly string[];
  readonly size: number;
  readonly uid: Int64Value | null;
  readonly username: string;
  readonly pinned: boolean;
}

export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly server_address?: string;
  readonly identity_token?: string;
  readonly registry_token?: string;
}

export interface FilesystemUsage {
  readonly timestamp: number;
  readonly fs_id: { readonly mountpoint: string } | null;
  readonly used_bytes: Int64Value | null;
  readonly inodes_used: Int64Value | null;
}

export interface CriContainerStats {
  readonly attributes: {
    readonly id: string;
    readonly metadata: { readonly name: string; readonly attempt: number };
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly cpu: { readonly timestamp: number; readonly usage_core_nano_seconds: Int64Value | null } | null;
  readonly memory: { readonly timestamp: number; readonly working_set_bytes: Int64Value | null } | null;
  readonly writable_layer: FilesystemUsage | null;
}

export interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

type Selector = Readonly<Record<string, string>>;
type Nothing = Readonly<Record<string, never>>;

/** What each call takes and gives. */
export interface CriCalls {
  Version: [{ version?: string }, { runtime_name: string; runtime_version: string; runtime_api_version: string }];
  Status: [Nothing, { status: { conditions: readonly RuntimeCondition[] } | null }];
  RunPodSandbox: [{ config: SandboxConfig }, { pod_sandbox_id: string }];
  StopPodSandbox: [{ pod_sandbox_id: string }, Nothing];
  RemovePodSandbox: [{ pod_sandbox_id: string }, Nothing];
  PodSandboxStatus: [{ pod_sandbox_id: string }, { status: SandboxStatus }];
  ListPodSandbox: [{ filter?: { id?: string; label_selector?: Selector } }, { items: readonly SandboxListItem[] }];
  CreateContainer: [{ pod_sandbox_id: string; config: ContainerConfig; sandbox_config: SandboxConfig }, { container_id: string }];
  StartContainer: [{ container_id: string }, Nothing];
  StopContainer: [{ container_id: string; timeout: number }, Nothing];
  RemoveContainer: [{ container_id: string }, Nothing];
  ListContainers: [
    { filter?: { id?: string; pod_sandbox_id?: string; label_selector?: Selector } },
    { containers: readonly ContainerListItem[] },
  ];
  ContainerStatus: [{ container_id: string }, { status: CriContainerStatus }];
  ReopenContainerLog: [{ container_id: string }, Nothing];
  ExecSync: [{ container_id: string; cmd: readonly string[]; timeout: number }, { stdout: Buffer; stderr: Buffer; exit_code: number }];
  Exec: [
    { container_id: string; cmd: readonly string[]; tty: boolean; stdin: boolean; stdout: boolean; stderr: boolean },
    { url: string },
  ];
  Attach: [{ container_id: string; stdin: boolean; tty: boolean; stdout: boolean; stderr: boolean }, { url: string }];
  PortForward: [{ pod_sandbox_id: string; port: readonly number[] }, { url: string }];
  ContainerStats: [{ container_id: string }, { stats: CriContainerStats }];
  ListContainerStats: [{ filter?: { pod_sandbox_id?: string } }, { stats: readonly CriContainerStats[] }];
  ListImages: [Nothing, { images: readonly CriImage[] }];
  ImageStatus: [{ image: { image: string } }, { image: CriImage | null }];
  PullImage: [{ image: { image: string }; auth?: AuthConfig; sandbox_config?: SandboxConfig }, { image_ref: string }];
  RemoveImage: [{ image: { image: string } }, Nothing];
  ImageFsInfo: [Nothing, { image_filesystems: readonly FilesystemUsage[] }];
}
