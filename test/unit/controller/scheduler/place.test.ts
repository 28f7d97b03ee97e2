import test from 'ava';
import { type Decision, place } from '../../../../controller/scheduler/place.ts';
import { Cluster } from '../../../../controller/scheduler/snapshot.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import type { Node, Pod } from '../../../../proto/resources/kubernetes.ts';
import { nodeObject, type NodeTraits, podObject, type PodTraits } from '../../../fixtures/loop-objects.ts';

const decide = (nodes: readonly Node[], pods: readonly Pod[], running: readonly Pod[] = []): Decision[] => {
  const cluster = new Cluster();
  for (const node of nodes) cluster.setNode(node);
  for (const pod of running) cluster.setPod(pod);
  return place(cluster.snapshot(), pods);
};

const answer = (decision: Decision | undefined): string => decision?.nodeName ?? decision?.message ?? '';
const one = (node: NodeTraits, pod: PodTraits, running: readonly Pod[] = []): string => answer(decide([nodeObject('n1', node)], [podObject('p', pod)], running)[0]);
const refused = (reason: string): string => `0/1 nodes are available: 1 ${reason}.`;

const taint = { key: 'k', value: 'v', effect: 'NoSchedule' };
const required = (term: Record<string, unknown>): PodTraits => ({
  spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } } },
});
const expression = (key: string, operator: string, values?: string[]): PodTraits => required({ matchExpressions: [{ key, operator, ...(values ? { values } : {}) }] });
const hostPort = (port: number, more: Record<string, unknown> = {}): PodTraits => ({
  spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: port, ...more }] }] },
});
const noAffinity = refused("node(s) didn't match Pod's node affinity/selector");
const noPorts = refused("node(s) didn't have free ports for the requested pod ports");

const rules: [string, NodeTraits, PodTraits, string, Pod[]?][] = [
  ['cpu that is there', {}, { requests: { cpu: '4' } }, 'n1'],
  ['cpu that is not there', {}, { requests: { cpu: '4001m' } }, refused('Insufficient cpu')],
  ['memory that others have', {}, { requests: { memory: '5Gi' } }, refused('Insufficient memory'), [podObject('a', { node: 'n1', requests: { memory: '4Gi' } })]],
  ['memory that a finished pod had', {}, { requests: { memory: '5Gi' } }, 'n1', [podObject('a', { node: 'n1', phase: 'Succeeded', requests: { memory: '4Gi' } })]],
  ['ephemeral storage that is there', { allocatable: { 'ephemeral-storage': '10Gi' } }, { requests: { 'ephemeral-storage': '10Gi' } }, 'n1'],
  ['ephemeral storage that is not there', { allocatable: { 'ephemeral-storage': '10Gi' } }, { requests: { 'ephemeral-storage': '11Gi' } }, refused('Insufficient ephemeral-storage')],
  ['an extended resource', { allocatable: { 'example.com/gpu': '1' } }, { requests: { 'example.com/gpu': '1' } }, 'n1'],
  ['an extended resource that no node has', {}, { requests: { 'example.com/gpu': '1' } }, refused('Insufficient example.com/gpu')],
  ['a node that is full of pods', { allocatable: { pods: '1' } }, {}, refused('Too many pods'), [podObject('a', { node: 'n1' })]],
  ['a cordoned node', { unschedulable: true }, {}, refused('node(s) were unschedulable')],
  ['a cordoned node, tolerated', { unschedulable: true }, { spec: { tolerations: [{ operator: 'Exists' }] } }, 'n1'],
  ['a node that is not ready', { ready: 'Unknown' }, {}, refused('node(s) were not ready')],
  ['a taint', { taints: [taint] }, {}, refused('node(s) had untolerated taint {k: v}')],
  ['a taint, tolerated by value', { taints: [taint] }, { spec: { tolerations: [{ key: 'k', value: 'v' }] } }, 'n1'],
  ['a taint, tolerated with another value', { taints: [taint] }, { spec: { tolerations: [{ key: 'k', value: 'w' }] } }, refused('node(s) had untolerated taint {k: v}')],
  ['a taint, tolerated for another effect', { taints: [taint] }, { spec: { tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoExecute' }] } }, refused('node(s) had untolerated taint {k: v}')],
  ['a taint that is only disliked', { taints: [{ ...taint, effect: 'PreferNoSchedule' }] }, {}, 'n1'],
  ['nodeSelector', { labels: { disk: 'ssd' } }, { spec: { nodeSelector: { disk: 'ssd' } } }, 'n1'],
  ['nodeSelector that does not match', { labels: { disk: 'hdd' } }, { spec: { nodeSelector: { disk: 'ssd' } } }, noAffinity],
  ['affinity In', { labels: { zone: 'a' } }, expression('zone', 'In', ['a', 'b']), 'n1'],
  ['affinity NotIn', { labels: { zone: 'a' } }, expression('zone', 'NotIn', ['a']), noAffinity],
  ['affinity Exists', {}, expression('zone', 'Exists'), noAffinity],
  ['affinity DoesNotExist', {}, expression('zone', 'DoesNotExist'), 'n1'],
  ['affinity Gt', { labels: { cores: '8' } }, expression('cores', 'Gt', ['4']), 'n1'],
  ['affinity Lt', { labels: { cores: '8' } }, expression('cores', 'Lt', ['8']), noAffinity],
  ['affinity to the node by name', {}, required({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }), 'n1'],
  ['affinity of an empty term', {}, required({}), noAffinity],
  ['a free host port', {}, hostPort(80), 'n1', [podObject('a', { ...hostPort(81), node: 'n1' })]],
  ['a host port that is taken', {}, hostPort(80), noPorts, [podObject('a', { ...hostPort(80, { hostIP: '10.0.0.1' }), node: 'n1' })]],
  ['a host port on another address', {}, hostPort(80, { hostIP: '10.0.0.2' }), 'n1', [podObject('a', { ...hostPort(80, { hostIP: '10.0.0.1' }), node: 'n1' })]],
  ['a host port of another protocol', {}, hostPort(80, { protocol: 'UDP' }), 'n1', [podObject('a', { ...hostPort(80), node: 'n1' })]],
];

for (const [title, node, pod, expected, running] of rules) {
  test(`judges ${title}`, (t) => {
    t.is(one(node, pod, running), expected);
  });
}

test('explains all nodes together, each reason with its number, in a fixed order', (t) => {
  const nodes = [
    nodeObject('n1', { unschedulable: true }),
    nodeObject('n2', { allocatable: { cpu: '1', memory: '1Gi' } }),
    nodeObject('n3', { allocatable: { cpu: '1' } }),
  ];
  const pod = podObject('p', { requests: { cpu: '2', memory: '2Gi' } });
  t.is(answer(decide(nodes, [pod])[0]), '0/3 nodes are available: 1 Insufficient memory, 1 node(s) were unschedulable, 2 Insufficient cpu.');
  t.is(answer(decide([], [pod])[0]), 'no nodes available to schedule pods');
});

test('says why a node was chosen', (t) => {
  const why = (nodes: readonly Node[], pod: Pod, running?: readonly Pod[]): string | undefined => decide(nodes, [pod], running)[0]?.message;
  const [free, cordoned, small] = [nodeObject('n1'), nodeObject('n2', { unschedulable: true }), nodeObject('n3', { allocatable: { cpu: '1' } })];
  const busy = podObject('busy', { node: 'n4', owner: 'web', requests: { cpu: '1', memory: '2Gi' } });
  t.is(why([free], podObject('p')), 'the only node');
  t.is(why([free, cordoned, small], podObject('p', { requests: { cpu: '2' } })), 'the only node that fits; 2 of 3 do not: 1 Insufficient cpu, 1 node(s) were unschedulable');
  t.is(why([free, nodeObject('n4'), cordoned], podObject('p', { owner: 'web' }), [busy]), 'best of 2 nodes that fit, by spread, least allocated; 1 of 3 does not: 1 node(s) were unschedulable');
  t.is(why([free, nodeObject('n4')], podObject('p')), 'best of 2 nodes that fit, which are alike');
});

test('prefers the node whose cpu and memory are used up evenly', (t) => {
  // Both have as much left of the two together.
  const running = [podObject('a', { node: 'n1', requests: { cpu: '3', memory: '1Gi' } }), podObject('b', { node: 'n2', requests: { cpu: '2', memory: '3Gi' } })];
  const [decision] = decide([nodeObject('n1'), nodeObject('n2')], [podObject('p', { requests: { cpu: '100m', memory: '200Mi' } })], running);
  t.deepEqual([decision?.nodeName, decision?.message], ['n2', 'best of 2 nodes that fit, by balanced']);
});

test('spreads the pods of one owner', (t) => {
  const nodes = ['n1', 'n2', 'n3'].map((name) => nodeObject(name));
  const pods = Array.from({ length: 9 }, (_, n) => podObject(`p${n}`, { owner: 'web' }));
  const counts = new Map<string, number>();
  for (const { nodeName } of decide(nodes, pods)) counts.set(nodeName ?? '', (counts.get(nodeName ?? '') ?? 0) + 1);
  t.deepEqual([...counts.values()], [3, 3, 3]);
});

test('prefers the emptier node, the preferred one, and the one without disliked taints', (t) => {
  const busy = podObject('busy', { node: 'n1', requests: { cpu: '3', memory: '6Gi' } });
  t.is(answer(decide([nodeObject('n1'), nodeObject('n2')], [podObject('p')], [busy])[0]), 'n2');
  const preference = { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] };
  const wish = { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference }] } } };
  t.is(answer(decide([nodeObject('n1'), nodeObject('n2', { labels: { disk: 'ssd' } })], [podObject('p', { spec: wish })])[0]), 'n2');
  t.is(answer(decide([nodeObject('n1', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }), nodeObject('n2')], [podObject('p')])[0]), 'n2');
});

test('never promises more of a node than it has, and refuses only what fits nowhere', (t) => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const random = seededRandom(seed);
    const upTo = (most: number): number => Math.floor(random.next() * most);
    const nodes = Array.from({ length: 1 + upTo(6) }, (_, n) =>
      nodeObject(`n${n}`, { allocatable: { cpu: `${1 + upTo(8)}`, memory: `${1 + upTo(16)}Gi`, pods: `${1 + upTo(12)}` } }),
    );
    const pods = Array.from({ length: upTo(60) }, (_, n) => {
      const kind = upTo(3);
      return podObject(`p${n}`, { owner: `o${kind}`, requests: { cpu: `${100 + 400 * kind}m`, memory: `${256 * (3 - kind)}Mi` } });
    });
    const used = new Map(nodes.map(({ metadata }) => [metadata.name ?? '', { cpu: 0, memory: 0, pods: 0 }]));
    const decisions = decide(nodes, pods);
    t.is(decisions.length, pods.length);
    for (const { nodeName, footprint } of decisions) {
      const node = used.get(nodeName ?? '');
      if (node === undefined) continue;
      node.cpu += footprint.requests['cpu'] ?? 0;
      node.memory += footprint.requests['memory'] ?? 0;
      node.pods += 1;
    }
    for (const { metadata, status } of nodes) {
      const node = used.get(metadata.name ?? '') ?? { cpu: 0, memory: 0, pods: 0 };
      const { cpu = '', memory = '', pods: most = '' } = status?.allocatable ?? {};
      t.true(node.cpu <= Number(cpu) * 1000 && node.memory <= Number.parseInt(memory, 10) * 2 ** 30 && node.pods <= Number(most), `seed ${seed}`);
      for (const { nodeName, footprint } of decisions) {
        if (nodeName !== undefined) continue;
        const fits = node.cpu + (footprint.requests['cpu'] ?? 0) <= Number(cpu) * 1000
          && node.memory + (footprint.requests['memory'] ?? 0) <= Number.parseInt(memory, 10) * 2 ** 30 && node.pods < Number(most);
        t.false(fits, `seed ${seed}: a refused pod fits on ${metadata.name}`);
      }
    }
  }
});
