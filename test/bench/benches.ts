/** The benches. Each returns one JSON object: the figure, its floor of the same run, and the bound that it must hold. */
import { execFileSync } from 'node:child_process';
import { Cri } from '../../agent/runtime/cri.ts';
import { deploymentKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import type { ClusterFixture, ClusterOptions } from '../fixtures/cluster.ts';
import { endpoints } from './endpoints.ts';
import { failover } from './failover.ts';
import { type Floor, startFloor } from './floor.ts';
import { allReady, deployment, removeDeployment, watchPods } from '../fixtures/workload.ts';
import { density } from './density.ts';
import { network } from './network.ts';
import { cpuTicks, rssMb } from './process-usage.ts';
import { quiet } from './quiet.ts';
import { services } from './services.ts';
import { median, rounded } from './statistics.ts';

export interface BenchContext {
  readonly cluster: ClusterFixture;
  /** Present on the node before the clock starts. */
  readonly image: string;
  readonly say: (text: string) => void;
}

export type Figures = Readonly<Record<string, number | boolean>>;

const pods = 50;
const floorConcurrency = 8;
const samples = 9;
const startRounds = 3;

const withFloor = async <T>(measure: (floor: Floor) => Promise<T>): Promise<T> => {
  const floor = await startFloor();
  try {
    return await measure(floor);
  } finally {
    await floor.close();
  }
};

/** Applies and waits until `count` are Ready; milliseconds. */
const applyUntilReady = async ({ cluster, image }: BenchContext, name: string, count: number): Promise<number> => {
  const watch = await watchPods(cluster.client, name);
  const startedMs = systemClock.monotonicMs();
  await cluster.client.create(deploymentKind, 'default', deployment(name, image, count));
  await watch.until(allReady(count));
  const tookMs = systemClock.monotonicMs() - startedMs;
  await watch.close();
  return tookMs;
};

const pullOnce = async (context: BenchContext): Promise<void> => {
  await applyUntilReady(context, 'warm', 1);
  await removeDeployment(context.cluster.client, 'warm');
};

/** What was removed before is torn down for a while yet, on the node's time and not on that of the next sample. */
const settle = async (context: BenchContext): Promise<void> => {
  if (!(await quiet())) context.say('the machine does not become quiet; the figures mean little');
};

/** Floor and cluster by turns, since machines slow down and speed up within a minute, each on a quiet machine; medians of both. */
const start = async (context: BenchContext): Promise<Figures> => {
  await pullOnce(context);
  const rates: number[] = [];
  const floorRates = await withFloor(async (floor) => {
    const taken: number[] = [];
    for (let round = 0; round < startRounds; round += 1) {
      await settle(context);
      taken.push(await floor.podsPerSecond(pods, floorConcurrency));
      await settle(context);
      rates.push(pods / ((await applyUntilReady(context, `start-${round}`, pods)) / 1000));
      await removeDeployment(context.cluster.client, `start-${round}`);
      context.say(`round ${round + 1}: ${rounded(rates.at(-1) ?? 0, 2)} pods a second, bare ${rounded(taken.at(-1) ?? 0, 2)}`);
    }
    return taken;
  });
  const [rate, floorRate] = [median(rates), median(floorRates)];
  return { pods_per_second: rounded(rate, 2), cri_pods_per_second: rounded(floorRate, 2), ratio: rounded(rate / floorRate, 3), holds: rate / floorRate >= 0.85 };
};

const latency = async (context: BenchContext): Promise<Figures> => {
  await pullOnce(context);
  const floorMs = median(await withFloor(async (floor) => {
    const taken: number[] = [];
    for (let index = 0; index < samples; index += 1) taken.push(await floor.podMs());
    return taken;
  }));
  const taken: number[] = [];
  for (let index = 0; index < samples; index += 1) {
    await settle(context);
    taken.push(await applyUntilReady(context, `latency-${index}`, 1));
    await removeDeployment(context.cluster.client, `latency-${index}`);
  }
  const ms = median(taken);
  return { median_ms: rounded(ms), cri_median_ms: rounded(floorMs), above_ms: rounded(ms - floorMs), holds: ms - floorMs <= 120 };
};

/** The main process of the pod's container, as containerd names it. */
const mainProcess = async (cluster: ClusterFixture, pod: Pod): Promise<number> => {
  const id = (pod.status?.containerStatuses?.[0]?.containerID ?? '').replace('containerd://', '');
  const listed = execFileSync('ctr', ['--address', cluster.containerdSocket, '--namespace', 'k8s.io', 'tasks', 'ls'], { encoding: 'utf8' });
  return Number(listed.split('\n').find((line) => line.startsWith(id))?.trim().split(/\s+/)[1]);
};

const heal = async (context: BenchContext): Promise<Figures> => {
  const { cluster } = context;
  await pullOnce(context);
  const floorMs = median(await withFloor(async (floor) => {
    const taken: number[] = [];
    for (let index = 0; index < samples; index += 1) taken.push(await floor.restartMs());
    return taken;
  }));
  const taken: number[] = [];
  const told: number[] = [];
  const cri = new Cri(cluster.containerdSocket, () => systemClock.nowMs());
  for (let index = 0; index < samples; index += 1) {
    // A fresh pod each time: only the first restart comes without a delay.
    const name = `heal-${index}`;
    await applyUntilReady(context, name, 1);
    const watch = await watchPods(cluster.client, name);
    const [pod] = [...watch.pods.values()];
    if (!pod) throw new Error('the pod went away');
    const pid = await mainProcess(cluster, pod);
    await settle(context);
    const startedMs = systemClock.nowMs();
    process.kill(pid, 'SIGKILL');
    await watch.until(([now]) => now?.status?.containerStatuses?.[0]?.restartCount === 1 && now.status.containerStatuses[0].state?.running !== undefined);
    const seenMs = systemClock.nowMs();
    // containerd's own time of the start: the status above only says that it happened.
    const id = ([...watch.pods.values()][0]?.status?.containerStatuses?.[0]?.containerID ?? '').replace('containerd://', '');
    const { status } = await cri.call('ContainerStatus', { container_id: id });
    const runsMs = Number(status.started_at) / 1e6;
    taken.push(runsMs - startedMs);
    told.push(seenMs - runsMs);
    await watch.close();
    await removeDeployment(cluster.client, name);
  }
  cri.close();
  const ms = median(taken);
  const toldMs = median(told);
  return {
    median_ms: rounded(ms), cri_median_ms: rounded(floorMs), above_ms: rounded(ms - floorMs),
    // From the change on the node until a watcher of the API sees it.
    told_median_ms: rounded(toldMs), told_max_ms: rounded(Math.max(...told)),
    holds: ms - floorMs <= 100 && toldMs <= 100,
  };
};

const idleMs = 60_000;

const idle = async (context: BenchContext): Promise<Figures> => {
  const { cluster } = context;
  await applyUntilReady(context, 'idle', pods);
  await systemClock.sleep(idleMs);
  const [controller, agent] = [cluster.pid('controller'), cluster.pid('node-1-agent')];
  const before = [cpuTicks(controller), cpuTicks(agent)];
  await systemClock.sleep(idleMs);
  const percent = (after: number, index: number): number => ((after - (before[index] ?? 0)) * 10 * 100) / idleMs;
  const figures = {
    controller_rss_mb: rounded(rssMb(controller)),
    agent_rss_mb: rounded(rssMb(agent)),
    controller_cpu_percent: rounded(percent(cpuTicks(controller), 0), 2),
    agent_cpu_percent: rounded(percent(cpuTicks(agent), 1), 2),
  };
  await removeDeployment(cluster.client, 'idle');
  const holds = figures.controller_rss_mb <= 130 && figures.agent_rss_mb <= 100 && figures.controller_cpu_percent <= 1 && figures.agent_cpu_percent <= 1;
  return { ...figures, holds };
};

export const benches: Readonly<Record<string, (context: BenchContext) => Promise<Figures>>> = {
  start, latency, heal, idle, failover, endpoints, network, services, density,
};

/** Benches that need more than one of each. */
export const clusterOptions: Readonly<Record<string, ClusterOptions>> = { failover: { nodes: 3 }, endpoints: { nodes: 3 }, network: { nodes: 2 } };
