/** Requests through a service relative to requests to the pod itself, from a pod, to one on the same node and one on another. Needs wrk. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { serviceKind } from '../../proto/kinds.ts';
import type { Pod, Service } from '../../proto/resources/kubernetes.ts';
import { ClusterPods, forever, podOf, shell } from '../fixtures/cluster-pods.ts';
import { stayingServer } from '../fixtures/pod-server.ts';
import type { BenchContext, Figures } from './benches.ts';
import { quiet } from './quiet.ts';
import { median, rounded } from './statistics.ts';

const rounds = 7;
const roundSeconds = 4;
const connections = 8;
const port = 8080;

interface Sample {
  readonly perSecond: number;
  readonly p99Ms: number;
}

const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 };

/** From what `wrk --latency` prints. */
const sampleIn = (printed: string): Sample => {
  const [, p99 = '', unit = ''] = /\n +99% +([\d.]+)(us|ms|s)/.exec(printed) ?? [];
  return { perSecond: Number(/Requests\/sec: +([\d.]+)/.exec(printed)?.[1]), p99Ms: Number(p99) * (unitMs[unit] ?? Number.NaN) };
};

/** In the network of a process. */
const ask = async (pid: number, address: string): Promise<Sample> => {
  const args = ['-t', String(pid), '-n', 'wrk', '--latency', '-t', '1', '-c', String(connections), '-d', `${roundSeconds}s`, `http://${address}:${port}/`];
  return sampleIn((await promisify(execFile)('nsenter', args)).stdout);
};

/** By turns, as machines slow down and speed up within a minute; medians of the ratios of each turn. */
const compare = async (pid: number, direct: string, service: string) => {
  await ask(pid, direct);
  const pairs: (readonly [Sample, Sample])[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Whoever comes first has no advantage in the end.
    const order = round % 2 === 0 ? [direct, service] : [service, direct];
    const taken = new Map<string, Sample>();
    for (const address of order) taken.set(address, await ask(pid, address));
    pairs.push([taken.get(direct) as Sample, taken.get(service) as Sample]);
  }
  const of = (figure: (pair: readonly [Sample, Sample]) => number): number => median(pairs.map(figure));
  return {
    perSecond: of(([, through]) => through.perSecond), ratio: of(([straight, through]) => through.perSecond / straight.perSecond),
    p99Ms: of(([, through]) => through.p99Ms), p99Ratio: of(([straight, through]) => straight.p99Ms / through.p99Ms),
  };
};

export const network = async (context: BenchContext): Promise<Figures> => {
  const { cluster, image, say } = context;
  const pods = await ClusterPods.open(cluster);
  const { container, volumes } = stayingServer(image);
  const readinessProbe = { tcpSocket: { port } };
  const serverOn = (nodeName: string): Promise<Pod> =>
    pods.start(podOf(`on-${nodeName}`, [{ ...container, readinessProbe }], { nodeName, volumes }, { labels: { app: nodeName } }));
  const [here, there] = await Promise.all([serverOn('node-1'), serverOn('node-2')]);
  await pods.start(podOf('asker', [shell(image, forever)], { nodeName: 'node-1' }));
  const pid = pods.pid('asker');
  const measure = async (pod: Pod) => {
    const app = pod.spec?.nodeName ?? '';
    const { spec } = await cluster.client.create<Service>(serviceKind, 'default', {
      apiVersion: 'v1', kind: 'Service', metadata: { name: app, namespace: 'default' }, spec: { selector: { app }, ports: [{ port }] },
    });
    if (!(await quiet())) say('the machine does not become quiet; the figures mean little');
    return compare(pid, pod.status?.podIP ?? '', spec?.clusterIP ?? '');
  };
  const same = await measure(here);
  const between = await measure(there);
  await pods.close();
  return {
    same_node_per_second: rounded(same.perSecond, 0), same_node_ratio: rounded(same.ratio, 3), same_node_p99_ms: rounded(same.p99Ms, 2), same_node_p99_ratio: rounded(same.p99Ratio, 3),
    between_nodes_per_second: rounded(between.perSecond, 0), between_nodes_ratio: rounded(between.ratio, 3), between_nodes_p99_ms: rounded(between.p99Ms, 2), between_nodes_p99_ratio: rounded(between.p99Ratio, 3),
    holds: same.ratio >= 0.95 && between.ratio >= 0.95,
  };
};
