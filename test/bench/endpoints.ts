/** From a pod's Ready until a client on every node gets through to it by its service. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { namespacePath } from '../../cli/local/host-network.ts';
import { nodeName, readSettings } from '../../cli/local/settings.ts';
import { podKind, serviceKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import type { Pod, Service } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { momentOf } from '../fixtures/moments.ts';
import type { BenchContext, Figures } from './benches.ts';
import { median, rounded } from './statistics.ts';

const pods = 34;
const port = 8080;
const waitMs = 60_000;
const program = fileURLToPath(new URL('first-answer.ts', import.meta.url));

interface Client {
  /** Milliseconds since the epoch at which `address` first answered. */
  firstAnswer(address: string): Promise<number>;
  close(): Promise<void>;
}

/** In the node's network, where every packet to a service passes the node's own rules. */
const clientOn = (networkNamespace: string): Client => {
  const child: ChildProcess = spawn('nsenter', [`--net=${networkNamespace}`, process.execPath, program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
  return {
    async firstAnswer(address) {
      const answer = once(lines, 'line');
      child.stdin?.write(`${address} ${port}\n`);
      return Number((await answer)[0]);
    },
    async close() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
};

const sample = async ({ cluster: { client }, image }: BenchContext, clients: readonly Client[], name: string): Promise<readonly number[]> => {
  const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports: [{ port }] } };
  const { spec } = await client.create<Service>(serviceKind, 'default', service);
  const answers = clients.map((each) => each.firstAnswer(spec?.clusterIP ?? ''));
  const container = {
    name: 'main', image, command: ['/bin/busybox', 'httpd', '-f', '-p', String(port)],
    // Without it a pod is Ready before its program listens.
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
  };
  const ready = momentOf<Pod>(client, podKind, { namespace: 'default', fieldSelector: `metadata.name=${name}` }, (found) => found.some(isPodReady), waitMs).then(() => systemClock.nowMs());
  await client.create<Pod>(podKind, 'default', { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } }, spec: { containers: [container], terminationGracePeriodSeconds: 0 } });
  const [readyMs, ...answeredMs] = await Promise.all([ready, ...answers]);
  await client.delete(podKind, 'default', name);
  await client.delete(serviceKind, 'default', name);
  return answeredMs.map((ms) => Math.max(0, ms - readyMs));
};

export const endpoints = async (context: BenchContext): Promise<Figures> => {
  const settings = readSettings(context.cluster.dataDir);
  if (!settings) throw new Error('the cluster has no settings');
  const clients = settings.nodes.map((index) => clientOn(namespacePath(settings, nodeName(index))));
  const taken: number[] = [];
  try {
    // Brings the image to each node.
    for (let warm = 0; warm < clients.length; warm += 1) await sample(context, clients, `warm-${warm}`);
    for (let pod = 0; pod < pods; pod += 1) taken.push(...(await sample(context, clients, `endpoint-${pod}`)));
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
  const sorted = taken.toSorted((a, b) => a - b);
  const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
  return { samples: taken.length, median_ms: rounded(median(taken)), p99_ms: rounded(p99), max_ms: rounded(sorted.at(-1) ?? 0), holds: p99 <= 200 };
};
