/** Many pods on one node: what the agent takes for them. */
import { deploymentKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { allReady, deployment, removeDeployment, watchPods } from '../fixtures/workload.ts';
import type { BenchContext, Figures } from './benches.ts';
import { cpuTicks, rssMb } from './process-usage.ts';
import { quiet } from './quiet.ts';
import { rounded } from './statistics.ts';

const pods = 150;
const readyMs = 600_000;
const idleMs = 60_000;

export const density = async ({ cluster, image, say }: BenchContext): Promise<Figures> => {
  const watch = await watchPods(cluster.client, 'dense');
  const startedMs = systemClock.monotonicMs();
  await cluster.client.create(deploymentKind, 'default', deployment('dense', image, pods));
  await watch.until(allReady(pods), readyMs);
  const readySeconds = (systemClock.monotonicMs() - startedMs) / 1000;
  await watch.close();
  say(`${pods} are ready after ${rounded(readySeconds)} s`);
  if (!(await quiet())) say('the machine does not become quiet; the figures mean little');
  const agent = cluster.pid('node-1-agent');
  const before = cpuTicks(agent);
  await systemClock.sleep(idleMs);
  const cpuPercent = ((cpuTicks(agent) - before) * 10 * 100) / idleMs;
  const agentMb = rssMb(agent);
  await removeDeployment(cluster.client, 'dense');
  return { pods, ready_seconds: rounded(readySeconds), agent_rss_mb: rounded(agentMb), cpu_percent: rounded(cpuPercent, 2), holds: agentMb <= 140 && cpuPercent <= 3 };
};
