/** metrics.k8s.io and /metrics/resource over HTTPS, as kubectl, berth and Prometheus read them, with nodes that the test plays. */
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { nodeKind, podKind } from '../../proto/kinds.ts';
import type { NodeUsage } from '../../proto/node-usage.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { unavailable } from '../../proto/errors.ts';
import { type ApiFixture, noTunnels, startApi } from '../fixtures/api-server.ts';
import { type BerthFixture, berthFor } from '../fixtures/berth.ts';
import { hasKubectl, kubectlFor } from '../fixtures/kubectl.ts';

interface Shared {
  fixture: ApiFixture;
  berth: BerthFixture;
  teardowns: (() => unknown)[];
}

const test = anyTest as TestFn<Shared>;

/** Of every pod that the node has, by uid. */
const uids = new Map<string, string>();
const mebibyte = 2 ** 20;

const usageOn = (node: string): NodeUsage => ({
  timeMs: Date.parse('2026-01-02T03:04:05Z'),
  windowMs: 1_500,
  node: { cpuNanoseconds: 90e9, cpuNanocores: 1e9, workingSetBytes: 1024 * mebibyte },
  containers: [...uids].filter(([name]) => name.startsWith(node)).flatMap(([name, podUid]) => ['main', 'side'].map((container, at) => ({
    podUid, container, cpuNanoseconds: 10e9, cpuNanocores: (name.endsWith('busy') ? 400e6 : 100e6) + at, workingSetBytes: (at + 1) * 8 * mebibyte,
  }))),
});

test.before(async (t) => {
  const teardowns: (() => unknown)[] = [];
  t.context.teardowns = teardowns;
  const owner = { teardown: (step: () => unknown) => teardowns.unshift(step) } as unknown as ExecutionContext;
  const fixture = await startApi(owner, {
    tunnels: {
      ...noTunnels,
      holds: (node) => node === 'one',
      usage: async (node) => {
        if (node === 'silent') throw unavailable('the node does not answer');
        return usageOn(node);
      },
    },
  });
  const { api, options } = fixture;
  for (const name of ['one', 'two', 'silent', 'down']) {
    await api.create<Node>(nodeKind, '', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { disk: name } } }, options);
    const conditions = [{ type: 'Ready', status: name === 'down' ? 'Unknown' : 'True' }];
    const allocatable = { cpu: '4', memory: '2Gi' };
    await api.modify<Node>(nodeKind, name, (node) => ({ ...node, status: { conditions, allocatable, capacity: allocatable } }), { ...options, subresource: 'status' });
  }
  for (const [nodeName, name] of [['one', 'one-busy'], ['one', 'one-idle'], ['two', 'two-idle'], ['silent', 'silent-idle']] as const) {
    const containers = ['main', 'side'].map((each) => ({ name: each, image: 'box' }));
    const { object } = await api.create<Pod>(podKind, 'default', { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: name } }, spec: { nodeName, containers } }, options);
    uids.set(name, object.metadata.uid ?? '');
  }
  Object.assign(t.context, { fixture, berth: berthFor(fixture.dir, fixture.kubeconfigPath) });
});

test.after.always(async (t) => {
  for (const step of t.context.teardowns) await step();
});

const group = '/apis/metrics.k8s.io/v1beta1';

test('nodes and pods are measured as Kubernetes tells it; what does not answer is left out', async (t) => {
  const { request } = t.context.fixture;
  const nodes = (await request('GET', `${group}/nodes`)).json;
  t.like(nodes, { kind: 'NodeMetricsList', apiVersion: 'metrics.k8s.io/v1beta1' });
  t.deepEqual(nodes.items.map(({ metadata }: Node) => metadata.name).toSorted(), ['one', 'two']);
  t.like((await request('GET', `${group}/nodes/one`)).json, {
    kind: 'NodeMetrics', metadata: { name: 'one', labels: { disk: 'one' } }, timestamp: '2026-01-02T03:04:05Z', window: '1.500s', usage: { cpu: '1000000000n', memory: '1048576Ki' },
  });
  t.deepEqual((await request('GET', `${group}/nodes?labelSelector=disk%3Dtwo`)).json.items.map(({ metadata }: Node) => metadata.name), ['two']);
  const pod = (await request('GET', `${group}/namespaces/default/pods/one-busy`)).json;
  t.like(pod, { kind: 'PodMetrics', metadata: { name: 'one-busy', namespace: 'default' } });
  t.deepEqual(pod.containers, [{ name: 'main', usage: { cpu: '400000000n', memory: '8192Ki' } }, { name: 'side', usage: { cpu: '400000001n', memory: '16384Ki' } }]);
  t.is((await request('GET', `${group}/pods?labelSelector=app%3Done-idle`)).json.items.length, 1);
  t.is((await request('GET', `${group}/namespaces/default/pods/silent-idle`)).status, 404);
  t.is((await request('GET', `${group}/nodes/nosuch`)).status, 404);
  t.is((await request('DELETE', `${group}/nodes/one`)).status, 405);
  t.is((await request('GET', `${group}/pods?watch=true`)).status, 405);
  t.is((await request('GET', group)).json.resources.length, 2);
});

test('Prometheus is told of the nodes whose sessions are here', async (t) => {
  const { status, text } = await t.context.fixture.request('GET', '/metrics/resource');
  t.is(status, 200);
  t.true(text.includes('node_cpu_usage_seconds_total{node="one"} 90\n'), text);
  t.true(text.includes('pod_memory_working_set_bytes{node="one",namespace="default",pod="one-idle"} 25165824\n'));
  t.true(text.includes('container_cpu_usage_seconds_total{node="one",namespace="default",pod="one-busy",container="main"} 10\n'));
  t.false(text.includes('two-idle'));
});

test('berth top tells it in lines', async (t) => {
  const { berth } = t.context;
  t.is((await berth(['top', 'nodes'])).stdout, 'NAME   CPU     CPU%   MEMORY   MEMORY%\none    1000m   25%    1024Mi   50%\ntwo    1000m   25%    1024Mi   50%\n');
  t.is((await berth(['top', 'pods', '--sort-by', 'cpu', '-l', 'app in (one-idle,one-busy)'])).stdout, 'NAME       CPU    MEMORY\none-busy   801m   24Mi\none-idle   201m   24Mi\n');
  t.is((await berth(['top', 'pod', 'two-idle', '--containers', '--no-headers'])).stdout, 'two-idle   main   100m   8Mi\ntwo-idle   side   101m   16Mi\n');
  t.is((await berth(['top', 'services'])).code, 2);
});

test('kubectl top reads it', async (t) => {
  if (!(await hasKubectl())) return t.pass('there is no kubectl here');
  const { fixture } = t.context;
  const kubectl = kubectlFor(fixture.dir, fixture.kubeconfigPath);
  const nodes = await kubectl(['top', 'nodes']);
  t.regex(nodes.stdout, /^one +1000m +25% +1024Mi +50%/m, nodes.stderr);
  const pods = await kubectl(['top', 'pods', '--containers', '--sort-by', 'cpu']);
  t.regex(pods.stdout, /^one-busy +main +400m +8Mi/m, pods.stderr);
});
