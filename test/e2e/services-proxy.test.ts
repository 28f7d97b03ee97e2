/** The service proxy against a real kernel. */
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import type { EndpointSlice } from '../../proto/resources/kubernetes.ts';
import { until } from '../fixtures/child.ts';
import type { Namespace } from '../fixtures/namespaces.ts';
import { far, one, type ServiceLab, startProxy, startServiceLab, two } from '../fixtures/service-lab.ts';
import { type EndpointSpec, serviceOf, sliceOf } from '../fixtures/service-objects.ts';

const test = anyTest.serial as TestFn;

let lab: ServiceLab;
const teardowns: (() => unknown)[] = [];

test.before(async () => {
  lab = await startServiceLab({ teardown: (step: () => unknown) => void teardowns.unshift(step) } as Pick<ExecutionContext, 'teardown'>);
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

/** Asks again and again, from one socket, so that to the kernel it is one flow, until the second pod answers. */
const untilTwo = (address: string): Promise<string> =>
  lab.node.ask('timeout', '30', 'bash', '-c', `exec 3<>/dev/udp/${address}/53; for i in $(seq 100); do echo hi >&3; answer=$(timeout 5 dd bs=99 count=1 status=none <&3); echo "$answer"; case $answer in two*) exit;; esac; sleep 0.1; done`);

const answerers = async (asking: Promise<string>): Promise<(string | undefined)[]> => {
  const answers = (await asking).trim().split('\n').map((answer) => answer.split(' ')[0]);
  return [answers[0], answers.at(-1)];
};

test('UDP of one client moves on when its endpoint goes', async (t) => {
  await lab.tell([serviceOf('d', { clusterIP: '10.96.0.4', ports: [{ port: 53, protocol: 'UDP' }] })], [ends('d', [one], 'UDP')]);
  const asking = untilTwo('10.96.0.4');
  await until('the flow', async () => lab.node.run('conntrack', '-L', '-p', 'udp').includes('10.96.0.4'));
  await lab.tell([], [ends('d', [two], 'UDP')]);
  t.deepEqual(await answerers(asking), ['one', 'two']);
});

test('nothing of services that are gone stays in the kernel', async (t) => {
  await lab.tell([], [], ['b', 'c', 'd']);
  const left = lab.node.run('nft', 'list', 'table', 'ip', 'berth_services');
  t.regex(left, /map services/);
  t.notRegex(left, /elements|chain (pick|stick|outside|local)_/);
});

test('UDP of one client moves on when its endpoint went while no agent was there', async (t) => {
  const service = serviceOf('e', { clusterIP: '10.96.0.5', ports: [{ port: 53, protocol: 'UDP' }] });
  await lab.tell([service], [ends('e', [one], 'UDP')]);
  const asking = untilTwo('10.96.0.5');
  await until('the flow', async () => lab.node.run('conntrack', '-L', '-p', 'udp').includes('10.96.0.5'));
  await startProxy(t, lab.node)([service], [ends('e', [two], 'UDP')]);
  t.deepEqual(await answerers(asking), ['one', 'two']);
});
