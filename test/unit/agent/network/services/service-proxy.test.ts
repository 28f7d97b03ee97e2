import test from 'ava';
import { CommandFailed } from '../../../../../agent/network/command.ts';
import { type Flow, flowsIn } from '../../../../../agent/network/services/flows.ts';
import { NetworkStateStore } from '../../../../../agent/network/network-state.ts';
import { ServiceProxy, type ServiceProxyOptions } from '../../../../../agent/network/services/service-proxy.ts';
import { silentLog } from '../../../../../proto/process/log.ts';
import { change, serviceObject, sliceObject } from '../../../../fixtures/named-services.ts';
import { ManualClock } from '../../../../fixtures/manual-clock.ts';

const start = (apply: (commands: string) => Promise<void>, own: Partial<ServiceProxyOptions> = {}) => {
  const state = new NetworkStateStore('me');
  const clock = new ManualClock();
  const proxy = new ServiceProxy({ nodeName: 'me', state, apply, flows: async () => [], forget: async () => undefined, clock, log: silentLog, ...own });
  return { state, clock, proxy };
};
const ports = [{ port: 80, protocol: 'TCP' }];
const service = (octet: number) => serviceObject(`team/s${octet}`, { clusterIP: `10.96.0.${octet}`, clusterIPs: [`10.96.0.${octet}`], ports });
const slice = (octet: number) => sliceObject(`team/s${octet}`, [{ addresses: ['10.244.0.2'] }], [{ name: '', port: 8080, protocol: 'TCP' }]);
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test('a change in the moment in which the work before ends is not overlooked', async (t) => {
  const applied: string[] = [];
  const { state, proxy } = start(async (commands) => void applied.push(commands));
  // There is nothing to do yet, which is found at once.
  proxy.setUp({ podNetwork: '10.244.0.0/16', serviceNetwork: '10.96.0.0/16' });
  state.begin();
  change(state, { services: [service(1)], slices: [slice(1)], complete: true });
  await turn();
  t.regex(applied.join(''), /10\.96\.0\.1 \. tcp \. 80 : goto pick_1/);
  proxy.close();
});

test('other networks that are told while a transaction is under way make the table anew', async (t) => {
  const applied: string[] = [];
  const first = Promise.withResolvers<void>();
  const { state, proxy } = start((commands) => (applied.push(commands) === 1 ? first.promise : Promise.resolve()));
  proxy.setUp({ podNetwork: '10.244.0.0/16', serviceNetwork: '10.96.0.0/16' });
  state.begin();
  change(state, { services: [service(1)], slices: [slice(1)], complete: true });
  await turn();
  proxy.setUp({ podNetwork: '10.244.0.0/16', serviceNetwork: '10.96.0.0/12' });
  first.resolve();
  await turn();
  t.is(applied.length, 2);
  t.regex(applied[1] ?? '', /^table ip berth_services\ndelete table[^]*ip daddr 10\.96\.0\.0\/12[^]*10\.96\.0\.1 \. tcp \. 80 : goto pick_1/);
  proxy.close();
});

test('after a transaction that failed the table is made anew, with what changed meanwhile', async (t) => {
  const applied: string[] = [];
  let broken = false;
  const { state, clock, proxy } = start(async (commands) => {
    if (broken) throw new CommandFailed('nft ended with 1');
    applied.push(commands);
  });
  proxy.setUp({ podNetwork: '10.244.0.0/16', serviceNetwork: '10.96.0.0/16' });
  state.begin();
  change(state, { services: [service(1)], slices: [slice(1)], complete: true });
  await turn();
  broken = true;
  change(state, { services: [service(2)], slices: [slice(2)] });
  await turn();
  broken = false;
  clock.advance(60_000);
  await turn();
  t.is(applied.length, 2);
  for (const address of ['10.96.0.1', '10.96.0.2']) t.true(applied[1]?.includes(`${address} . tcp . 80 : goto pick_1`));
  t.regex(applied[1] ?? '', /^table ip berth_services\ndelete table/);
  proxy.close();
});

test('an agent that begins ends the flows of UDP whose endpoint went while none was there; without conntrack it does the rest', async (t) => {
  const printed = [
    'udp      17 28 src=10.244.0.9 dst=10.96.0.1 sport=4000 dport=53 [UNREPLIED] src=10.244.0.7 dst=10.244.0.9 sport=8080 dport=4000 mark=0 use=1',
    'udp      17 28 src=10.244.0.9 dst=10.96.0.1 sport=4001 dport=53 packets=1 bytes=9 src=10.244.0.2 dst=10.244.0.9 sport=8080 dport=4001 mark=0 use=1',
    'udp      17 28 src=192.0.2.9 dst=10.89.0.1 sport=4000 dport=30053 src=10.244.0.8 dst=192.0.2.9 sport=8080 dport=4000 [ASSURED] mark=0 use=1',
    'udp      17 28 src=192.0.2.9 dst=10.89.0.1 sport=4000 dport=9999 src=10.244.0.8 dst=192.0.2.9 sport=8080 dport=4000 mark=0 use=1',
    'conntrack v1.4.7 (conntrack-tools): 4 flow entries have been shown.',
  ].join('\n');
  const forgotten: Flow[] = [];
  let [applied, asked] = [0, 0];
  const flows = async () => {
    asked += 1;
    if (asked > 1) throw new CommandFailed('conntrack: no such program');
    return flowsIn(printed);
  };
  const { state, proxy } = start(async () => void (applied += 1), { flows, forget: async (some) => void forgotten.push(...some) });
  proxy.setUp({ podNetwork: '10.244.0.0/16', serviceNetwork: '10.96.0.0/16' });
  state.begin();
  const spec = { type: 'NodePort', clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [{ port: 53, nodePort: 30_053, protocol: 'UDP' }] };
  const ends = sliceObject('team/dns', [{ addresses: ['10.244.0.2'] }], [{ name: '', port: 8080, protocol: 'UDP' }]);
  change(state, { services: [serviceObject('team/dns', spec)], slices: [ends], complete: true });
  await turn();
  t.deepEqual(forgotten, [{ address: '10.96.0.1', port: 53, endpointAddress: '10.244.0.7' }, { address: undefined, port: 30_053, endpointAddress: '10.244.0.8' }]);
  proxy.setUp({ podNetwork: '10.244.0.0/16', serviceNetwork: '10.96.0.0/12' });
  await turn();
  t.deepEqual([applied, asked], [2, 2]);
  proxy.close();
});
