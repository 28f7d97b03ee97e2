/** Budgets, evictions and drains: the real API over HTTP, the real loops and scheduler, nodes that are played. */
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { EventRecorder } from '../../controller/events/event-recorder.ts';
import { Scheduler } from '../../controller/scheduler/scheduler.ts';
import { createLoops } from '../../controller/workloads/loops.ts';
import { nodeKind, podDisruptionBudgetKind, podKind, replicaSetKind, serviceAccountKind } from '../../proto/kinds.ts';
import { systemClock as clock } from '../../proto/process/clock.ts';
import { silentLog as log } from '../../proto/process/log.ts';
import { systemRandom as random } from '../../proto/process/random.ts';
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Node, Pod, PodDisruptionBudget, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { type ApiFixture, type RawAnswer, startApi } from '../fixtures/api-server.ts';
import { type BerthFixture, berthFor } from '../fixtures/berth.ts';
import { asAdmin, createUntil, PlayedLiveness, playNodes } from '../fixtures/control-plane.ts';
import { type Kubectl, kubectlFor } from '../fixtures/kubectl.ts';

interface Shared {
  fixture: ApiFixture;
  until: ReturnType<typeof createUntil>;
  makesReady: (pod: Pod) => boolean;
  berth: BerthFixture;
  kubectl: Kubectl;
  teardowns: (() => unknown)[];
}

const test = anyTest as TestFn<Shared>;
const waitMs = 60_000;

test.before(async (t) => {
  const teardowns: (() => unknown)[] = [];
  const owner = { teardown: (step: () => unknown) => teardowns.unshift(step) } as unknown as ExecutionContext;
  t.context.teardowns = teardowns;
  const fixture = await startApi(owner);
  const { reader } = fixture.store;
  const parts = { reader, verbs: fixture.api, recorder: new EventRecorder({ verbs: fixture.api, clock, random, log }), clock, log };
  const until = createUntil(reader, owner);
  Object.assign(t.context, { fixture, until, makesReady: () => true, berth: berthFor(fixture.dir, fixture.kubeconfigPath), kubectl: kubectlFor(fixture.dir, fixture.kubeconfigPath) });
  playNodes({ reader, verbs: fixture.api, makesReady: (pod) => !pod.metadata.labels?.['unready'] }, owner, clock);
  const term = new AbortController();
  teardowns.unshift(() => term.abort());
  for (const loop of [...createLoops({ ...parts, liveness: new PlayedLiveness(), services: fixture.services }), new Scheduler(parts)]) loop.start(term.signal);
  for (const name of ['node-1', 'node-2', 'node-3']) {
    await fixture.api.create<Node>(nodeKind, '', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name } } }, asAdmin());
    const allocatable = { cpu: '16', memory: '8Gi', pods: '110' };
    await fixture.api.modify<Node>(nodeKind, name, (node) => ({ ...node, status: { ...node.status, allocatable, capacity: allocatable, conditions: [{ type: 'Ready', status: 'True' }] } }), asAdmin('status'));
  }
  await until('the namespace can be used', () => reader.get(serviceAccountKind, 'default/default') !== undefined, waitMs);
});

test.after.always(async (t) => {
  for (const step of t.context.teardowns) await step();
});

const template = (app: string, more: Record<string, string>) => ({ metadata: { labels: { app, ...more } }, spec: { containers: [{ name: 'main', image: 'app:1' }] } });

const podsOf = ({ fixture: { store } }: Shared, app: string): Pod[] =>
  store.reader.list<Pod>(podKind, 'default').map(({ object }) => object).filter(({ metadata }) => metadata.labels?.['app'] === app);

const run = async (context: Shared, app: string, replicas: number, labels: Record<string, string> = {}): Promise<Pod[]> => {
  const spec = { replicas, selector: { matchLabels: { app } }, template: template(app, labels) };
  await context.fixture.api.create<ReplicaSet>(replicaSetKind, 'default', { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: app }, spec }, asAdmin());
  await context.until(`${app} runs`, () => podsOf(context, app).filter(({ status }) => status?.phase === 'Running').length === replicas, waitMs);
  return podsOf(context, app);
};

const allowedOf = (context: Shared, name: string): { readonly status?: string; readonly reason?: string } | undefined =>
  conditionOf(statusOf(context, name), 'DisruptionAllowed');

const statusOf = ({ fixture: { store } }: Shared, name: string): PodDisruptionBudget['status'] => store.reader.get<PodDisruptionBudget>(podDisruptionBudgetKind, `default/${name}`)?.object.status;

const protect = async (context: Shared, app: string, spec: NonNullable<PodDisruptionBudget['spec']>, name = app): Promise<void> => {
  const budget: PodDisruptionBudget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name }, spec: { selector: { matchLabels: { app } }, ...spec } };
  await context.fixture.api.create(podDisruptionBudgetKind, 'default', budget, asAdmin());
  await context.until('the budget is counted', () => statusOf(context, name)?.observedGeneration === 1, waitMs);
};

/** While it is held, a pod that was deleted stays. */
const hold = ({ fixture }: Shared, pod: Pod | undefined, held = true): Promise<unknown> =>
  fixture.api.modify<Pod>(podKind, `default/${pod?.metadata.name}`, ({ metadata: { finalizers: _before, ...metadata }, ...present }) =>
    ({ ...present, metadata: { ...metadata, ...(held ? { finalizers: ['test/held'] } : {}) } }), asAdmin());

const evict = ({ fixture }: Shared, pod: Pod | undefined, deleteOptions?: object): Promise<RawAnswer> => {
  const name = pod?.metadata.name ?? '';
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'default' }, ...(deleteOptions ? { deleteOptions } : {}) };
  return fixture.request('POST', `/api/v1/namespaces/default/pods/${name}/eviction`, { body });
};

test('a budget of a share counts by what the controller wants', async (t) => {
  const { context } = t;
  const pods = await run(context, 'counted', 5);
  await protect(context, 'counted', { minAvailable: '60%' });
  t.like(statusOf(context, 'counted'), { expectedPods: 5, currentHealthy: 5, desiredHealthy: 3, disruptionsAllowed: 2 });
  t.is((await evict(context, pods[0], { dryRun: ['All'] })).status, 201);
  t.is((await evict(context, pods[0], { preconditions: { uid: 'another' } })).status, 409);
  t.is(statusOf(context, 'counted')?.disruptionsAllowed, 2);
  await hold(context, pods[0]);
  t.is((await evict(context, pods[0])).status, 201);
  const leaving = podsOf(context, 'counted').find(({ metadata }) => metadata.deletionTimestamp !== undefined);
  t.like(conditionOf(leaving?.status, 'DisruptionTarget'), { status: 'True', reason: 'EvictionByEvictionAPI' });
  await context.until('its replacement is counted, and nothing else is on its way', () => {
    const status = statusOf(context, 'counted');
    return podsOf(context, 'counted').length === 6 && status?.disruptionsAllowed === 2 && status.disruptedPods === undefined;
  }, waitMs);
  await hold(context, pods[0], false);
});

test('a budget allows as many evictions as it says, however many ask at once', async (t) => {
  const { context } = t;
  const names = ['a', 'b', 'c', 'd', 'e'];
  for (const name of names) {
    await context.fixture.api.create<Pod>(podKind, 'default', { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: 'bare' } }, spec: template('bare', {}).spec }, asAdmin());
  }
  await context.until('they run', () => podsOf(context, 'bare').filter(({ status }) => status?.phase === 'Running').length === 5, waitMs);
  await protect(context, 'bare', { minAvailable: 3 });
  t.is(statusOf(context, 'bare')?.disruptionsAllowed, 2);
  const answers = await Promise.all(podsOf(context, 'bare').map((pod) => evict(context, pod)));
  t.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 201, 429, 429, 429]);
  const refused = answers.find(({ status }) => status === 429);
  t.is(refused?.headers['retry-after'], '1');
  t.like(refused?.json, { reason: 'TooManyRequests', details: { causes: [{ reason: 'DisruptionBudget' }] } });
  await context.until('those are gone', () => podsOf(context, 'bare').length === 3, waitMs);
});

test('pods that are pending or finished go at once, and unready ones as the policy says', async (t) => {
  const { context } = t;
  const [pod, other] = await run(context, 'unready', 2, { unready: 'yes' });
  await protect(context, 'unready', { minAvailable: 1 });
  t.is((await evict(context, pod)).status, 429);
  await context.fixture.api.modify<PodDisruptionBudget>(podDisruptionBudgetKind, 'default/unready', (present) => ({ ...present, spec: { ...present.spec, unhealthyPodEvictionPolicy: 'AlwaysAllow' } }), asAdmin());
  t.is((await evict(context, pod)).status, 201);
  await context.fixture.api.modify<PodDisruptionBudget>(podDisruptionBudgetKind, 'default/unready', (present) => ({ ...present, spec: { ...present.spec, unhealthyPodEvictionPolicy: 'IfHealthyBudget' } }), asAdmin());
  await context.fixture.api.modify<Pod>(podKind, `default/${other?.metadata.name}`, (present) => ({ ...present, status: { ...present.status, phase: 'Pending' } }), asAdmin('status'));
  t.is((await evict(context, other)).status, 201);
});

test('a pod of two budgets is not evicted', async (t) => {
  const { context } = t;
  const [pod] = await run(context, 'twice', 1);
  await protect(context, 'twice', { maxUnavailable: 1 });
  await protect(context, 'twice', { maxUnavailable: 1 }, 'twice-more');
  const answer = await evict(context, pod);
  t.is(answer.status, 500);
  t.is(answer.json.message, 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
});

test('a share of pods whose controller is not known allows nothing', async (t) => {
  const { context } = t;
  const pod: Pod = {
    apiVersion: 'v1', kind: 'Pod', spec: template('strange', {}).spec,
    metadata: { name: 'strange', labels: { app: 'strange' }, ownerReferences: [{ apiVersion: 'example.com/v1', kind: 'Thing', name: 'x', uid: 'x', controller: true }] },
  };
  await context.fixture.api.create(podKind, 'default', pod, asAdmin());
  const spec = { selector: { matchLabels: { app: 'strange' } }, maxUnavailable: '100%' };
  await context.fixture.api.create<PodDisruptionBudget>(podDisruptionBudgetKind, 'default', { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'strange' }, spec }, asAdmin());
  await context.until('it says so', () => allowedOf(context, 'strange')?.reason === 'SyncFailed', waitMs);
  t.is(allowedOf(context, 'strange')?.status, 'False');
  t.is(statusOf(context, 'strange')?.disruptionsAllowed, 0);
});

/** A workload whose pods all run on one node, protected by a budget that lets one go at a time. */
const onOneNode = async (context: Shared, app: string, node: string, minAvailable: number): Promise<Pod[]> => {
  const others = ['node-1', 'node-2', 'node-3'].filter((name) => name !== node);
  for (const other of others) await context.fixture.api.modify<Node>(nodeKind, other, (present) => ({ ...present, spec: { ...present.spec, unschedulable: true } }), asAdmin());
  const pods = await run(context, app, 2);
  await protect(context, app, { minAvailable });
  for (const other of others) await context.fixture.api.modify<Node>(nodeKind, other, ({ spec: { unschedulable: _before, ...spec } = {}, ...present }) => ({ ...present, spec }), asAdmin());
  return pods;
};

const nodesUnder = (context: Shared, app: string): string[] => podsOf(context, app).map(({ spec }) => spec?.nodeName ?? '');

const drains = [
  { who: 'berth', node: 'node-1', drain: ({ berth }: Shared, ...args: string[]) => berth(['drain', ...args]), uncordon: ({ berth }: Shared, node: string) => berth(['uncordon', node]) },
  { who: 'kubectl', node: 'node-2', drain: ({ kubectl }: Shared, ...args: string[]) => kubectl(['drain', ...args]), uncordon: ({ kubectl }: Shared, node: string) => kubectl(['uncordon', node]) },
];

for (const { who, node, drain, uncordon } of drains) {
  test.serial(`${who} drain moves the pods one after the other where a budget wants it so, and refuses what would be lost`, async (t) => {
    const { context } = t;
    const app = `moved-by-${who}`;
    const before = await onOneNode(context, app, node, 1);
    t.deepEqual([...new Set(before.map(({ spec }) => spec?.nodeName))], [node]);
    const spec = { nodeName: node, containers: [{ name: 'main', image: 'app:1' }], volumes: [{ name: 'data', emptyDir: {} }] };
    await context.fixture.api.create<Pod>(podKind, 'default', { apiVersion: 'v1', kind: 'Pod', metadata: { name: `alone-${who}`, labels: { app: `alone-${who}` } }, spec }, asAdmin());
    // Other tests have pods of their own kinds on the nodes.
    const mine = ['--pod-selector', `app in (${app},alone-${who})`];
    const refused = await drain(context, node, ...mine);
    t.is(refused.code, 1);
    t.regex(refused.stderr, new RegExp(`--delete-emptydir-data[\\s\\S]*alone-${who}`));
    t.is(podsOf(context, app).filter(({ metadata }) => metadata.deletionTimestamp).length, 0);
    const done = await drain(context, node, '--force', '--delete-emptydir-data', ...mine);
    t.is(done.code, 0, done.stderr);
    t.regex(done.stdout, new RegExp(`node/${node} drained\n$`));
    t.false(nodesUnder(context, app).includes(node));
    t.deepEqual(podsOf(context, `alone-${who}`), []);
    t.true(context.fixture.store.reader.get<Node>(nodeKind, node)?.object.spec?.unschedulable);
    t.is((await uncordon(context, node)).code, 0);
  });
}

test.serial('berth drain says which budget a pod waits for, goes on when it allows the pod, and ends at its timeout', async (t) => {
  const { context } = t;
  await onOneNode(context, 'guarded', 'node-3', 2);
  const mine = ['--pod-selector', 'app=guarded'];
  const late = await context.berth(['drain', 'node-3', '--timeout', '1s', ...mine]);
  t.is(late.code, 1);
  t.regex(late.stderr, /pod default\/guarded-\S+ has to wait: The disruption budget guarded needs 2 healthy pods and has 2 currently\n/);
  t.regex(late.stderr, /not drained after 1s: node-3/);
  const draining = context.berth.start(['drain', 'node-3', ...mine]);
  await draining.printed(/disruption budget guarded/);
  await context.fixture.api.modify<PodDisruptionBudget>(podDisruptionBudgetKind, 'default/guarded', (present) => ({ ...present, spec: { ...present.spec, minAvailable: 1 } }), asAdmin());
  const done = await draining.done;
  t.is(done.code, 0, done.stderr);
  t.is(done.stdout.match(/^pod\/guarded-\S+ evicted$/gm)?.length, 2);
  t.deepEqual(nodesUnder(context, 'guarded').filter((node) => node === 'node-3'), []);
});
