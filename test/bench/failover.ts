/** From a node's power-off until what it ran is Ready elsewhere and in the service. */
import { killNode } from '../../cli/local/nodes.ts';
import { nodeName, readSettings } from '../../cli/local/settings.ts';
import { deploymentKind, endpointSliceKind, nodeKind, podKind, serviceKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import type { EndpointSlice, Node, Pod, Service } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { momentOf, readyStatus } from '../fixtures/moments.ts';
import { allReady, deployment, removeDeployment, watchPods } from '../fixtures/workload.ts';
import type { BenchContext, Figures } from './benches.ts';
import { quiet } from './quiet.ts';
import { median, rounded } from './statistics.ts';

const app = 'failover';
const replicas = 6;
const runs = 5;
const waitMs = 120_000;

/** Pods that traffic goes to. */
const endpointCount = (slices: readonly EndpointSlice[], without: string): number =>
  slices.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions, nodeName: node }) => conditions?.ready !== false && node !== without).length;

const nodesReady = (context: BenchContext, count: number): Promise<number> =>
  momentOf<Node>(context.cluster.client, nodeKind, {}, (nodes) => nodes.filter((node) => readyStatus(node) === 'True').length === count, waitMs);

/** Milliseconds until the node was Unknown, and until all pods were replaced. */
const sample = async ({ cluster, image, say }: BenchContext, index: number): Promise<{ readonly unknownMs: number; readonly replacedMs: number }> => {
  const { client } = cluster;
  const settings = readSettings(cluster.dataDir);
  if (!settings) throw new Error('the cluster has no settings');
  const lost = nodeName(index);
  const watch = await watchPods(client, app);
  await client.create(deploymentKind, 'default', deployment(app, image, replicas));
  await watch.until(allReady(replicas));
  await watch.close();
  if (!(await quiet())) say('the machine does not become quiet; the figures mean little');
  const isReplaced = (pods: readonly Pod[]): boolean => pods.filter((pod) => isPodReady(pod) && !pod.metadata.deletionTimestamp && pod.spec?.nodeName !== lost).length === replicas;
  const moments = Promise.all([
    momentOf<Node>(client, nodeKind, {}, (nodes) => nodes.some((node) => node.metadata.name === lost && readyStatus(node) === 'Unknown'), waitMs),
    momentOf<Pod>(client, podKind, { namespace: 'default', labelSelector: `app=${app}` }, isReplaced, waitMs),
    momentOf<EndpointSlice>(client, endpointSliceKind, { namespace: 'default', labelSelector: `kubernetes.io/service-name=${app}` }, (slices) => endpointCount(slices, lost) === replicas, waitMs),
  ]);
  // Its cable comes first, so the power goes now.
  const startMs = systemClock.monotonicMs();
  await killNode(settings, index, systemClock);
  const [unknownMs, readyMs, inServiceMs] = (await moments).map((ms) => ms - startMs) as [number, number, number];
  const { code, stderr } = await cluster.berth('node', 'start', lost, '--data-dir', cluster.dataDir);
  if (code !== 0) throw new Error(stderr);
  await removeDeployment(client, app);
  return { unknownMs, replacedMs: Math.max(readyMs, inServiceMs) };
};

export const failover = async (context: BenchContext): Promise<Figures> => {
  const { client } = context.cluster;
  const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: app }, spec: { selector: { app }, ports: [{ port: 80 }] } };
  await client.create(serviceKind, 'default', service);
  const seconds: number[] = [];
  const unknown: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    await nodesReady(context, 3);
    const { unknownMs, replacedMs } = await sample(context, 1 + (run % 3));
    unknown.push(unknownMs / 1000);
    seconds.push(replacedMs / 1000);
    context.say(`run ${run + 1}: Unknown after ${rounded(unknownMs / 1000, 2)} s, replaced after ${rounded(replacedMs / 1000, 2)} s`);
  }
  const [middle, most] = [median(seconds), Math.max(...seconds)];
  return {
    median_seconds: rounded(middle, 2), max_seconds: rounded(most, 2),
    unknown_median_seconds: rounded(median(unknown), 2), unknown_max_seconds: rounded(Math.max(...unknown), 2),
    holds: middle <= 6 && most <= 8,
  };
};
