/**
 * `/metrics/resource`: what nodes, pods and containers use, for Prometheus. Each controller tells of the nodes whose sessions it
 * has: who scrapes all controllers gets every node once. The names are those of kubelet's page of this path.
 */
import { nodeKind, podKind } from '../../proto/kinds.ts';
import type { NodeUsage, Usage } from '../../proto/node-usage.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { Counter, type Labels } from '../metrics.ts';
import { type UsageParts, usagesOf } from '../nodes/usages.ts';
import { containersByPod } from './usage-metrics.ts';

const texts = {
  node: 'of the node',
  pod: 'of the pod',
  container: 'of the container',
} as const;

const sumOf = (usages: readonly Usage[]): Usage => ({
  cpuNanoseconds: usages.reduce((sum, { cpuNanoseconds }) => sum + cpuNanoseconds, 0),
  cpuNanocores: usages.reduce((sum, { cpuNanocores }) => sum + cpuNanocores, 0),
  workingSetBytes: usages.reduce((sum, { workingSetBytes }) => sum + workingSetBytes, 0),
});

class UsageLines {
  readonly #cpu: Counter;
  readonly #memory: Counter;
  readonly #of: keyof typeof texts;

  constructor(of: keyof typeof texts) {
    this.#of = of;
    this.#cpu = new Counter(`${of}_cpu_usage_seconds_total`);
    this.#memory = new Counter(`${of}_memory_working_set_bytes`);
  }

  add(labels: Labels, { cpuNanoseconds, workingSetBytes }: Usage): void {
    this.#cpu.add(labels, cpuNanoseconds / 1e9);
    this.#memory.add(labels, workingSetBytes);
  }

  lines(): string[] {
    const of = this.#of;
    return [
      `# HELP ${of}_cpu_usage_seconds_total Processor time ${texts[of]} since its start.`, `# TYPE ${of}_cpu_usage_seconds_total counter`, ...this.#cpu.lines(),
      `# HELP ${of}_memory_working_set_bytes Memory ${texts[of]} that cannot be taken away without harm.`, `# TYPE ${of}_memory_working_set_bytes gauge`, ...this.#memory.lines(),
    ];
  }
}

/** The text for these nodes; `podsOn` gives what is bound to a node. */
export const usageText = (usages: ReadonlyMap<string, NodeUsage>, podsOn: (node: string) => readonly Pod[]): string => {
  const [nodes, pods, containers] = [new UsageLines('node'), new UsageLines('pod'), new UsageLines('container')];
  for (const [node, usage] of usages) {
    nodes.add({ node }, usage.node);
    const byPod = containersByPod(usage);
    for (const { metadata: { uid = '', name: pod = '', namespace = '' } } of podsOn(node)) {
      const measured = byPod.get(uid);
      if (!measured) continue;
      pods.add({ node, namespace, pod }, sumOf(measured));
      for (const each of measured) containers.add({ node, namespace, pod, container: each.container }, each);
    }
  }
  return `${[nodes, pods, containers].flatMap((each) => each.lines()).join('\n')}\n`;
};

/** Of all nodes whose sessions are here. */
export const resourceMetrics = async (parts: UsageParts): Promise<string> => {
  const { reader, tunnels } = parts;
  const names = reader.list<Node>(nodeKind).map(({ key }) => key).filter((name) => tunnels.holds(name));
  const usages = await usagesOf(names, parts);
  return usageText(usages, (node) => reader.indexed<Pod>(podKind, 'node', node).map(({ object }) => object));
};
