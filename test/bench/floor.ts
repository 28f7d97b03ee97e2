/**
 * The floor that benches measure against, in the same run: the same pods, with the configuration that the agent would
 * give them, by bare CRI calls on a containerd of its own. Files that the pods mount are made before the clock starts.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { podCgroup } from '../../agent/runtime/cgroups.ts';
import { containerConfig } from '../../agent/runtime/container-config.ts';
import { Cri } from '../../agent/runtime/cri.ts';
import type { ContainerConfig, CriMount, SandboxConfig } from '../../agent/runtime/cri-messages.ts';
import { parseResolvConf } from '../../agent/runtime/dns.ts';
import { sandboxConfig } from '../../agent/runtime/sandbox-config.ts';
import { podKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import type { Container, Pod } from '../../proto/resources/kubernetes.ts';
import { strategyFor } from '../../proto/resources/strategies.ts';
import { type ContainerdFixture, startContainerd } from '../fixtures/containerd.ts';
import { deployment } from '../fixtures/workload.ts';

interface FloorPod {
  readonly sandbox: SandboxConfig;
  readonly container: (attempt: number) => ContainerConfig;
}

const mount = (containerPath: string, path: string, text: string): CriMount => {
  writeFileSync(path, text);
  chmodSync(path, 0o666);
  return { container_path: containerPath, host_path: path, readonly: false, propagation: 'PROPAGATION_PRIVATE' };
};

/** The pod that the benches deploy, as the agent would hand it to CRI. */
const floorPod = (uid: string, fixture: ContainerdFixture): FloorPod => {
  const spec = deployment('floor', fixture.busybox, 1).spec?.template.spec;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: `floor-${uid}`, namespace: 'default', uid }, spec } as Pod;
  strategyFor(podKind).setDefaults(pod);
  const container = pod.spec?.containers[0] as Container;
  const dir = join(fixture.rootDir, 'floor', uid);
  mkdirSync(join(dir, container.name), { recursive: true });
  const mounts = [mount('/etc/hosts', join(dir, 'hosts'), '127.0.0.1 localhost\n'), mount('/dev/termination-log', join(dir, 'message'), '')];
  const image = { ref: fixture.busybox, imageId: '', pulled: false, durationMs: 0, sizeBytes: 0 };
  return {
    sandbox: sandboxConfig(pod, {
      attempt: 0,
      logDirectory: dir,
      cgroupParent: podCgroup(fixture.cgroupParent, pod),
      dns: parseResolvConf(readFileSync('/etc/resolv.conf', 'utf8')),
      clusterDomain: 'cluster.local',
      profilesDir: dir,
    }),
    container: (attempt) =>
      containerConfig(pod, container, { attempt, image, imageUser: {}, environment: new Map(), mounts, nodeMemoryBytes: totalmem(), profilesDir: dir }),
  };
};

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
  const prepare = (): FloorPod => {
    serial += 1;
    return floorPod(`floor${serial}`, fixture);
  };
  const runContainer = async (sandbox: string, pod: FloorPod, attempt: number): Promise<string> => {
    const { container_id: id } = await cri.call('CreateContainer', { pod_sandbox_id: sandbox, config: pod.container(attempt), sandbox_config: pod.sandbox });
    await cri.call('StartContainer', { container_id: id });
    return id;
  };
  const runPod = async (pod: FloorPod): Promise<{ sandbox: string; container: string }> => {
    const { pod_sandbox_id: sandbox } = await cri.call('RunPodSandbox', { config: pod.sandbox });
    return { sandbox, container: await runContainer(sandbox, pod, 0) };
  };
  const remove = async (sandbox: string): Promise<void> => {
    await cri.call('StopPodSandbox', { pod_sandbox_id: sandbox }, { timeoutMs: 60_000 });
    await cri.call('RemovePodSandbox', { pod_sandbox_id: sandbox }, { timeoutMs: 60_000 });
  };
  return {
    async podsPerSecond(count, concurrency) {
      const sandboxes: string[] = [];
      const waiting = Array.from({ length: count }, prepare);
      const startedMs = systemClock.monotonicMs();
      await Promise.all(Array.from({ length: concurrency }, async () => {
        for (let pod = waiting.pop(); pod; pod = waiting.pop()) sandboxes.push((await runPod(pod)).sandbox);
      }));
      const rate = count / ((systemClock.monotonicMs() - startedMs) / 1000);
      for (const sandbox of sandboxes) await remove(sandbox);
      return rate;
    },
    async podMs() {
      const pod = prepare();
      const startedMs = systemClock.monotonicMs();
      const { sandbox } = await runPod(pod);
      const tookMs = systemClock.monotonicMs() - startedMs;
      await remove(sandbox);
      return tookMs;
    },
    async restartMs() {
      const pod = prepare();
      const { sandbox, container } = await runPod(pod);
      await cri.call('StopContainer', { container_id: container, timeout: 0 });
      const startedMs = systemClock.monotonicMs();
      await runContainer(sandbox, pod, 1);
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
