import test from 'ava';
import { CommandFailed } from '../../../../../agent/network/command.ts';
import { NetworkStateStore } from '../../../../../agent/network/network-state.ts';
import { ServiceProxy } from '../../../../../agent/network/services/service-proxy.ts';
import { silentLog } from '../../../../../proto/process/log.ts';
import { change, serviceObject, sliceObject } from '../../../../fixtures/named-services.ts';
import { ManualClock } from '../../../../fixtures/manual-clock.ts';

const start = (apply: (commands: string) => Promise<void>) => {
  const state = new NetworkStateStore('me');
  const clock = new ManualClock();
  const proxy = new ServiceProxy({ nodeName: 'me', state, apply, forget: async () => undefined, clock, log: silentLog });
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
