import test, { type ExecutionContext } from 'ava';
import { rows } from '../../agent/network/command.ts';
import type { PodNetworkMode } from '../../proto/node-service.ts';
import { type Machine, type Machines, startMachines } from '../fixtures/machines.ts';

let machines: Machines;
test.before(async () => {
  machines = await startMachines();
  await machines.serve(machines.router);
});
test.after.always(() => machines?.stop());

/** What a machine's kernel holds for other machines' pods. */
const wayOf = async ({ name }: Machine): Promise<string[]> => {
  const lines = [
    await machines.in(name, 'ip', 'route', 'show', 'proto', '98'),
    await machines.in(name, 'sh', '-c', 'ip neighbour show dev berth-vx nud permanent 2>/dev/null; bridge fdb show dev berth-vx 2>/dev/null; true'),
  ];
  return lines.join('\n').split('\n').map((line) => line.trim()).filter((line) => line !== '');
};
const reachAll = async (mode: PodNetworkMode, some: readonly Machine[]): Promise<void> => {
  await Promise.all(some.map((machine) => machines.reach(machine, mode, some.filter((other) => other !== machine))));
};
const mtuOf = async (namespace: string): Promise<number | undefined> => {
  const links = JSON.parse(await machines.in(namespace, 'ip', '-j', 'link', 'show', 'dev', 'eth0')) as { mtu: number }[];
  return links[0]?.mtu;
};

const reached = async (t: ExecutionContext, mode: PodNetworkMode, here: Machine, there: Machine): Promise<void> => {
  const foreign = ['10.93.0.0/24', 'via', here.address.replace(/\d+$/, '1'), 'proto', 'static'];
  await machines.in(here.name, 'ip', 'route', 'replace', ...foreign);
  await reachAll(mode, [here, there]);
  const [one, other] = [await machines.pod(here, `${mode}-a`), await machines.pod(there, `${mode}-b`, 8_080)];
  t.is(await mtuOf(`${mode}-a`), mode === 'vxlan' ? 1_450 : 1_500);
  t.is(await machines.call(`${mode}-a`, other), `${one} 1000000`, 'a pod sees the address of the pod');
  t.is(await machines.call(`${mode}-a`, '10.91.1.1'), `${here.address} 1000000`, 'what leaves the pod network has the address of the node');
  t.regex(await machines.call(here.name, other), / 1000000$/, 'a node reaches the pods of others');
  t.regex(await machines.call(here.name, there.address, 8_080), / 1000000$/, 'a host port is reached from other nodes');
  t.regex(await machines.call(`${mode}-a`, there.address, 8_080), / 1000000$/, 'and from their pods');

  const before = await wayOf(here);
  await machines.reach(here, mode, [there]);
  t.deepEqual(await wayOf(here), before, 'what is right stays as it is');
  await machines.reach(here, mode, []);
  t.deepEqual(await wayOf(here), [], 'nothing stays of a node that is gone');
  t.regex(await machines.in(here.name, 'ip', 'route', 'show', '10.93.0.0/24'), /^10\.93\.0\.0/, 'routes of others are not touched');
};

test.serial('pods of nodes on one network reach each other by routes, also where a host passes on only what it knows', async (t) => {
  const [m1, m2] = machines.all as [Machine, Machine, Machine];
  // As Docker leaves it.
  await machines.in(m1.name, 'iptables', '-P', 'FORWARD', 'DROP');
  await reached(t, 'routes', m1, m2);
});

test.serial('pods of nodes on different networks reach each other by vxlan, and a node that goes back to routes keeps no device', async (t) => {
  const [m1, , m3] = machines.all as [Machine, Machine, Machine];
  await reached(t, 'vxlan', m1, m3);
  await machines.reach(m1, 'routes', []);
  t.notRegex(await machines.in(m1.name, 'ip', 'link', 'show'), /berth-vx/);
  t.deepEqual((await rows<{ ifname: string }>('ip', 'link', 'show')).filter(({ ifname }) => ifname === 'berth-vx'), [], 'the host itself is left alone');
});
