/** The service proxy against a real kernel: a node with two pods, a second node with one, and a client outside. No runtime is needed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { run } from '../../agent/network/command.ts';
import { NetworkStateStore } from '../../agent/network/network-state.ts';
import { forgetArguments } from '../../agent/network/services/flows.ts';
import { ServiceProxy } from '../../agent/network/services/service-proxy.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { silentLog } from '../../proto/process/log.ts';
import type { EndpointSlice, Service } from '../../proto/resources/kubernetes.ts';
import { until } from '../fixtures/child.ts';
import { connect, createNamespace, hostPath, type Namespace } from '../fixtures/namespaces.ts';
import { type EndpointSpec, serviceOf, sliceOf } from '../fixtures/service-objects.ts';

interface Lab {
  readonly node: Namespace;
  readonly client: Namespace;
  readonly pods: Readonly<Record<'one' | 'two' | 'far', Namespace>>;
  /** Tells the node; resolves when the kernel has it. */
  tell(services: readonly Service[], slices: readonly EndpointSlice[], removed?: readonly string[]): Promise<void>;
}

const test = anyTest.serial as TestFn<Lab>;

const one = { address: '10.244.0.2', nodeName: 'me' };
const two = { address: '10.244.0.3', nodeName: 'me' };
const far = { address: '10.244.1.2', nodeName: 'other' };
const server = fileURLToPath(new URL('../fixtures/echo-server.ts', import.meta.url));

const serve = async (t: Pick<ExecutionContext, 'teardown'>, namespace: Namespace, name: string): Promise<void> => {
  const child = spawn('nsenter', [`--net=/run/netns/${namespace.name}`, process.execPath, server, name, '8080'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
};

const buildNetwork = (t: Pick<ExecutionContext, 'teardown'>): Pick<Lab, 'node' | 'client' | 'pods'> => {
  const [node, client, other, first, second, third] = Array.from({ length: 6 }, () => createNamespace(t)) as [Namespace, Namespace, Namespace, Namespace, Namespace, Namespace];
  connect(node, 'out', client, 'eth0', '192.0.2.1/24', '192.0.2.9/24');
  connect(node, 'wire', other, 'eth0', '10.89.0.1/24', '10.89.0.2/24');
  connect(other, 'pod', third, 'eth0', '10.244.1.1/24', '10.244.1.2/24');
  for (const machine of [node, other]) machine.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  node.run('ip', 'link', 'add', 'berth0', 'type', 'bridge');
  node.run('ip', 'addr', 'add', '10.244.0.1/24', 'dev', 'berth0');
  node.run('ip', 'link', 'set', 'berth0', 'up');
  node.run('sh', '-c', 'echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables');
  for (const [pod, at, address] of [[first, 'p1', '10.244.0.2/24'], [second, 'p2', '10.244.0.3/24']] as const) {
    connect(node, at, pod, 'eth0', undefined, address);
    node.run('ip', 'link', 'set', at, 'master', 'berth0');
    node.run('bridge', 'link', 'set', 'dev', at, 'hairpin', 'on');
    pod.run('ip', 'route', 'add', 'default', 'via', '10.244.0.1');
  }
  third.run('ip', 'route', 'add', 'default', 'via', '10.244.1.1');
  node.run('ip', 'route', 'add', '10.244.1.0/24', 'via', '10.89.0.2');
  other.run('ip', 'route', 'add', 'default', 'via', '10.89.0.1');
  node.run('ip', 'route', 'add', 'default', 'via', '192.0.2.9');
  client.run('ip', 'route', 'add', '192.0.2.100', 'via', '192.0.2.1');
  return { node, client, pods: { one: first, two: second, far: third } };
};

const startProxy = (t: Pick<ExecutionContext, 'teardown'>, node: Namespace): Lab['tell'] => {
  const inside = (program: string, args: readonly string[], input?: string): Promise<string> =>
    run('nsenter', [`--net=/run/netns/${node.name}`, 'env', hostPath, program, ...args], input);
  const state = new NetworkStateStore('me');
  let done: () => void = () => undefined;
  const proxy = new ServiceProxy({
    nodeName: 'me',
    state,
    apply: async (commands) => {
      await inside('nft', ['-f', '-'], commands);
      done();
    },
    forget: async (flows) => {
      for (const flow of flows) await inside('conntrack', forgetArguments(flow)).catch(() => undefined);
    },
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => proxy.close());
  proxy.setUp({ podNetwork: '10.244.0.0/16', serviceNetwork: '10.96.0.0/16' });
  const bytes = (objects: readonly object[]): Buffer[] => objects.map((object) => Buffer.from(JSON.stringify(object)));
  let revision = 0;
  const versioned = <T extends Service | EndpointSlice>(object: T): T => ({ ...object, metadata: { ...object.metadata, resourceVersion: String((revision += 1)) } });
  state.begin();
  return async (services, slices, removed = []) => {
    const applied = new Promise<void>((resolve) => {
      done = resolve;
    });
    const names = removed.flatMap((name) => [{ kind: 'Service', namespace: 'default', name }, { kind: 'EndpointSlice', namespace: 'default', name: `${name}-abcde` }]);
    state.take({ services: bytes(services.map(versioned)), slices: bytes(slices.map(versioned)), removed: names, peers: [], removedPeers: [], complete: !state.complete });
    await applied;
  };
};

let lab: Lab;
const teardowns: (() => unknown)[] = [];

test.before(async () => {
  const owner = { teardown: (step: () => unknown) => void teardowns.unshift(step) } as Pick<ExecutionContext, 'teardown'>;
  const network = buildNetwork(owner);
  const { pods, node } = network;
  await Promise.all([serve(owner, pods.one, 'one'), serve(owner, pods.two, 'two'), serve(owner, pods.far, 'far')]);
  lab = { ...network, tell: startProxy(owner, node) };
});

test.after.always(() => {
  for (const step of teardowns) step();
});

/** What the server at the address says: its name, and whom it sees. */
const askTcp = (from: Namespace, address: string, port: number): Promise<string> =>
  from.ask('timeout', '10', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port} && cat <&3`).then((text) => text.trim());

const many = async (from: Namespace, address: string, port: number): Promise<readonly string[]> =>
  Promise.all(Array.from({ length: 12 }, () => askTcp(from, address, port)));

const names = (answers: readonly string[]): string[] => [...new Set(answers.map((answer) => answer.split(' ')[0] ?? ''))].toSorted();

const port = { port: 80, protocol: 'TCP' };
const ends = (name: string, endpoints: readonly EndpointSpec[], protocol = 'TCP'): EndpointSlice => sliceOf(name, 8080, endpoints, protocol);

test('a service leads pods and the node to its endpoints, on this node and others, and they see who asks', async (t) => {
  await lab.tell([serviceOf('a', { clusterIP: '10.96.0.1', ports: [port] })], [ends('a', [one, two, far])]);
  const answers = await many(lab.pods.one, '10.96.0.1', 80);
  t.deepEqual(names(answers).filter((name) => !['one', 'two', 'far'].includes(name)), []);
  t.true(names(answers).length >= 2);
  await lab.tell([], [ends('a', [two])]);
  t.is(await askTcp(lab.pods.one, '10.96.0.1', 80), 'two 10.244.0.2');
  t.is(await askTcp(lab.node, '10.96.0.1', 80), 'two 192.0.2.1');
  await lab.tell([], [ends('a', [far])]);
  t.is(await askTcp(lab.pods.one, '10.96.0.1', 80), 'far 10.244.0.2');
});

test('a pod reaches itself through its service', async (t) => {
  await lab.tell([], [ends('a', [one])]);
  t.is(await askTcp(lab.pods.one, '10.96.0.1', 80), 'one 10.244.0.1');
});

test('a service without endpoints, a port it does not have, and one that is gone refuse at once', async (t) => {
  await lab.tell([], [ends('a', [])]);
  await t.throwsAsync(askTcp(lab.pods.one, '10.96.0.1', 80), { message: /refused/ });
  await t.throwsAsync(askTcp(lab.node, '10.96.0.1', 80), { message: /refused/ });
  await lab.tell([], [ends('a', [two])]);
  await t.throwsAsync(askTcp(lab.pods.one, '10.96.0.1', 81), { message: /refused/ });
  await lab.tell([], [], ['a']);
  await t.throwsAsync(askTcp(lab.pods.one, '10.96.0.1', 80), { message: /refused/ });
});

test('node ports and external addresses lead from outside to every endpoint; with policy Local to this node’s, which see the client', async (t) => {
  const spec = { clusterIP: '10.96.0.2', type: 'NodePort', externalIPs: ['192.0.2.100'], ports: [{ ...port, nodePort: 30_080 }] };
  await lab.tell([serviceOf('b', spec)], [ends('b', [far])]);
  t.is(await askTcp(lab.client, '192.0.2.1', 30_080), 'far 10.89.0.1');
  t.is(await askTcp(lab.client, '192.0.2.100', 80), 'far 10.89.0.1');
  await lab.tell([serviceOf('b', { ...spec, externalTrafficPolicy: 'Local' })], [ends('b', [far, two])]);
  t.deepEqual([...new Set(await many(lab.client, '192.0.2.1', 30_080))], ['two 192.0.2.9']);
  t.is(await askTcp(lab.client, '192.0.2.100', 80), 'two 192.0.2.9');
  t.deepEqual(names(await many(lab.pods.one, '192.0.2.1', 30_080)), ['far', 'two']);
  await lab.tell([], [ends('b', [])]);
  await t.throwsAsync(askTcp(lab.client, '192.0.2.1', 30_080), { message: /refused/ });
});

test('with session affinity a client stays with its endpoint, until that is gone or the time is over', async (t) => {
  const spec = { clusterIP: '10.96.0.3', ports: [port], sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 2 } } };
  await lab.tell([serviceOf('c', spec)], [ends('c', [one, two, far])]);
  const [first = ''] = names(await many(lab.node, '10.96.0.3', 80));
  t.deepEqual(names(await many(lab.node, '10.96.0.3', 80)), [first]);
  const left = [one, two, far].filter(({ address }) => address !== { one, two, far }[first as 'one']?.address);
  await lab.tell([], [ends('c', left)]);
  const [second = ''] = names(await many(lab.node, '10.96.0.3', 80));
  t.not(second, first);
  await lab.tell([], [ends('c', [one, two, far])]);
  t.deepEqual(names(await many(lab.node, '10.96.0.3', 80)), [second]);
  await until('the kernel forgets the client', async () => !lab.node.run('nft', 'list', 'map', 'ip', 'berth_services', 'affinity').includes('elements'));
});

test('UDP of one client moves on when its endpoint goes', async (t) => {
  await lab.tell([serviceOf('d', { clusterIP: '10.96.0.4', ports: [{ port: 53, protocol: 'UDP' }] })], [ends('d', [one], 'UDP')]);
  // One socket for both questions: to the kernel it is one flow.
  const asking = lab.node.ask('timeout', '30', 'bash', '-c', 'exec 3<>/dev/udp/10.96.0.4/53; for i in $(seq 100); do echo hi >&3; answer=$(timeout 5 dd bs=99 count=1 status=none <&3); echo "$answer"; case $answer in two*) exit;; esac; sleep 0.1; done');
  await until('the flow', async () => lab.node.run('conntrack', '-L', '-p', 'udp').includes('10.96.0.4'));
  await lab.tell([], [ends('d', [two], 'UDP')]);
  const answers = (await asking).trim().split('\n').map((answer) => answer.split(' ')[0]);
  t.deepEqual([answers[0], answers.at(-1)], ['one', 'two']);
});
