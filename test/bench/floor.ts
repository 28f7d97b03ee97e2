/** The floor that benches measure against, in the same run: the same pods by bare CRI calls on a containerd of its own. */
import { Cri } from '../../agent/runtime/cri.ts';
import type { ContainerConfig, SandboxConfig } from '../../agent/runtime/cri-messages.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { type ContainerdFixture, startContainerd } from '../fixtures/containerd.ts';

const seccomp = { profile_type: 'RuntimeDefault', localhost_ref: '' } as const;
const namespaces = { network: 'POD', pid: 'CONTAINER', ipc: 'POD', target_id: '' } as const;

const sandboxOf = (uid: string, fixture: ContainerdFixture): SandboxConfig => ({
  metadata: { name: `floor-${uid}`, uid, namespace: 'default', attempt: 0 },
  hostname: `floor-${uid}`,
  log_directory: `${fixture.rootDir}/logs/${uid}`,
  port_mappings: [],
  labels: {},
  annotations: {},
  linux: {
    cgroup_parent: `${fixture.cgroupParent}/pod${uid}`,
    sysctls: {},
    security_context: { namespace_options: namespaces as never, supplemental_groups: [], privileged: false, seccomp: seccomp as never },
  },
});

const containerOf = (image: string, attempt: number): ContainerConfig => ({
  metadata: { name: 'main', attempt },
  image: { image },
  command: ['/bin/busybox', 'sleep', '3600'],
  args: [],
  working_dir: '',
  envs: [],
  mounts: [],
  labels: {},
  annotations: {},
  log_path: `main/${attempt}.log`,
  stdin: false,
  stdin_once: false,
  tty: false,
  linux: {
    resources: { cpu_period: 100_000, cpu_quota: 0, cpu_shares: 2, memory_limit_in_bytes: 0, oom_score_adj: 1000 },
    security_context: {
      capabilities: { add_capabilities: [], drop_capabilities: [] },
      privileged: false,
      namespace_options: namespaces as never,
      readonly_rootfs: false,
      supplemental_groups: [],
      no_new_privs: false,
      masked_paths: [],
      readonly_paths: [],
      seccomp: seccomp as never,
    },
  },
});

export interface Floor {
  /** Pods a second from `count` pods made with `concurrency` at once, until all run. */
  podsPerSecond(count: number, concurrency: number): Promise<number>;
  /** Milliseconds of one pod: sandbox, create, start. */
  podMs(): Promise<number>;
  /** Milliseconds of create plus start in a sandbox that runs. */
  restartMs(): Promise<number>;
  close(): Promise<void>;
}

export const startFloor = async (): Promise<Floor> => {
  const fixture = await startContainerd();
  const cri = new Cri(fixture.socket, () => systemClock.nowMs());
  await cri.call('PullImage', { image: { image: fixture.busybox } }, { timeoutMs: 60_000 });
  let serial = 0;
  const runPod = async (): Promise<{ sandbox: string; config: SandboxConfig; container: string }> => {
    serial += 1;
    const config = sandboxOf(`floor${serial}`, fixture);
    const { pod_sandbox_id: sandbox } = await cri.call('RunPodSandbox', { config }, { timeoutMs: 120_000 });
    const container = await runContainer(sandbox, config, 0);
    return { sandbox, config, container };
  };
  const runContainer = async (sandbox: string, config: SandboxConfig, attempt: number): Promise<string> => {
    const { container_id: id } = await cri.call('CreateContainer', { pod_sandbox_id: sandbox, config: containerOf(fixture.busybox, attempt), sandbox_config: config }, { timeoutMs: 60_000 });
    await cri.call('StartContainer', { container_id: id }, { timeoutMs: 60_000 });
    return id;
  };
  const remove = async (sandbox: string): Promise<void> => {
    await cri.call('StopPodSandbox', { pod_sandbox_id: sandbox }, { timeoutMs: 60_000 });
    await cri.call('RemovePodSandbox', { pod_sandbox_id: sandbox }, { timeoutMs: 60_000 });
  };
  return {
    async podsPerSecond(count, concurrency) {
      const sandboxes: string[] = [];
      let left = count;
      const startedMs = systemClock.monotonicMs();
      await Promise.all(Array.from({ length: concurrency }, async () => {
        while (left > 0) {
          left -= 1;
          sandboxes.push((await runPod()).sandbox);
        }
      }));
      const rate = count / ((systemClock.monotonicMs() - startedMs) / 1000);
      for (const sandbox of sandboxes) await remove(sandbox);
      return rate;
    },
    async podMs() {
      const startedMs = systemClock.monotonicMs();
      const { sandbox } = await runPod();
      const tookMs = systemClock.monotonicMs() - startedMs;
      await remove(sandbox);
      return tookMs;
    },
    async restartMs() {
      const { sandbox, config, container } = await runPod();
      await cri.call('StopContainer', { container_id: container, timeout: 0 });
      const startedMs = systemClock.monotonicMs();
      await runContainer(sandbox, config, 1);
      const tookMs = systemClock.monotonicMs() - startedMs;
      await remove(sandbox);
      return tookMs;
    },
    async close() {
      cri.close();
      await fixture.stop();
    },
  };
};
