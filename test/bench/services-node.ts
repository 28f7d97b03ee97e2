/** The node of `services.ts`, a program of its own: the agent's network state and proxy, told of very many services as a session would. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { applyRules } from '../../agent/network/masquerade.ts';
import { NetworkStateStore } from '../../agent/network/network-state.ts';
import { ServiceProxy } from '../../agent/network/services/service-proxy.ts';
import { type NetworkChanges, toJsonBytes } from '../../proto/node-service.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { silentLog } from '../../proto/process/log.ts';
import type { EndpointSlice, Service } from '../../proto/resources/kubernetes.ts';
import { far, one, two } from '../fixtures/service-lab.ts';
import { type EndpointSpec, serviceOf, sliceOf } from '../fixtures/service-objects.ts';
import { cpuTicksOfAll, rssMb } from './process-usage.ts';
import { median } from './statistics.ts';

/** Medians. */
export interface ServicesFigures {
  readonly fullSyncMs: number;
  readonly changeMs: number;
  /** Of the node's process and nft's: what is left of the above on a machine that does nothing else. */
  readonly fullSyncCpuMs: number;
  readonly changeCpuMs: number;
  /** Until a connection to the first and the last of the services is there. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly rssMb: number;
}

const count = 10_000;
const changes = 31;
const connections = 400;
const framedMax = 500;

const addressOf = (index: number): string => `10.96.${1 + (index >> 8)}.${index & 255}`;
const podOf = (index: number): string => `10.244.${10 + (index >> 8)}.${index & 255}`;

let revision = 0;
const versioned = <T extends Service | EndpointSlice>(object: T): T => ({ ...object, metadata: { ...object.metadata, resourceVersion: String((revision += 1)) } });

const serviceAt = (index: number): Service => versioned(serviceOf(`s${index}`, { clusterIP: addressOf(index), ports: [{ port: 80, protocol: 'TCP' }] }));
const sliceAt = (index: number, endpoints: readonly EndpointSpec[]): EndpointSlice => versioned(sliceOf(`s${index}`, 8080, endpoints));
const madeUp = (index: number): EndpointSpec[] => [0, 1, 2].map((at) => ({ address: podOf(index * 3 + at), nodeName: at === 0 ? 'me' : 'other' }));
const isReal = (index: number): boolean => index === 0 || index === count - 1;

const frame = (services: readonly Service[], slices: readonly EndpointSlice[], complete = false): NetworkChanges => ({
  services: services.map(toJsonBytes), slices: slices.map(toJsonBytes), removed: [], peers: [], removedPeers: [], complete,
});

const frames = (): readonly NetworkChanges[] => {
  const all: NetworkChanges[] = [];
  for (let from = 0; from < count; from += framedMax) {
    const indexes = Array.from({ length: Math.min(framedMax, count - from) }, (_, at) => from + at);
    all.push(frame(indexes.map(serviceAt), indexes.map((index) => sliceAt(index, isReal(index) ? [one, two, far] : madeUp(index))), from + framedMax >= count));
  }
  return all;
};

const connectMs = async (address: string): Promise<number> => {
  const startedMs = systemClock.monotonicMs();
  const socket = connect(80, address);
  await once(socket, 'connect');
  const tookMs = systemClock.monotonicMs() - startedMs;
  socket.destroy();
  return tookMs;
};

const main = async (): Promise<void> => {
  const state = new NetworkStateStore('me');
  let done: () => void = () => undefined;
  const proxy = new ServiceProxy({
    nodeName: 'me', state, clock: systemClock, log: silentLog, flows: async () => [], forget: async () => undefined,
    apply: async (commands) => {
      await applyRules(commands);
      done();
    },
  });
  proxy.setUp({ podNetwork: '10.244.0.0/16', serviceNetwork: '10.96.0.0/16' });
  const takenMs = async (some: readonly NetworkChanges[]): Promise<number> => {
    const applied = new Promise<void>((resolve) => {
      done = resolve;
    });
    const startedMs = systemClock.monotonicMs();
    for (const each of some) state.take(each);
    await applied;
    return systemClock.monotonicMs() - startedMs;
  };
  state.begin();
  const told = frames();
  const cpuMs = (): number => cpuTicksOfAll(process.pid) * 10;
  const startCpuMs = cpuMs();
  const fullSyncMs = await takenMs(told);
  const syncedCpuMs = cpuMs();
  const changed: number[] = [];
  for (let index = 1; index <= changes; index += 1) changed.push(await takenMs([frame([], [sliceAt(index * 300, madeUp(index * 300).slice(1))])]));
  const changedCpuMs = cpuMs();
  const [first, last]: [number[], number[]] = [[], []];
  // By turns, as the machine is not equally fast all the time.
  for (let turn = 0; turn < connections; turn += 1) {
    first.push(await connectMs(addressOf(0)));
    last.push(await connectMs(addressOf(count - 1)));
  }
  proxy.close();
  const figures: ServicesFigures = {
    fullSyncMs, changeMs: median(changed), fullSyncCpuMs: syncedCpuMs - startCpuMs, changeCpuMs: (changedCpuMs - syncedCpuMs) / changes,
    firstMs: median(first), lastMs: median(last), rssMb: rssMb(process.pid),
  };
  process.stdout.write(JSON.stringify(figures));
};

await main();
