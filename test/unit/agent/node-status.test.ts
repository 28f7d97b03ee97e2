import { tmpdir } from 'node:os';
import test from 'ava';
import { meminfoBytes, osImageIn, readHostIdentity, readHostState, threadsIn } from '../../../agent/host-facts.ts';
import { nodeStatus } from '../../../agent/node-status.ts';

const gib = 2 ** 30;
const facts = {
  host: { cpus: 4, memoryBytes: 8 * gib, kernelVersion: '6.1', osImage: 'Debian', machineId: 'm', bootId: 'b', architecture: 'amd64' },
  state: { memoryAvailableBytes: 4 * gib, diskBytes: 100 * gib, diskAvailableBytes: 50 * gib, pids: 300, pidsMax: 32_768 },
  runtime: { version: 'containerd://1.6.20', ready: true, message: '' },
  images: [],
};
const settings = { nodeName: 'n', addresses: ['10.0.0.1'] };
const conditionsOf = (change: Partial<typeof facts>): string[] =>
  (nodeStatus({ ...facts, ...change }, settings).conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`);

test('what is reserved is taken from what pods may have, not from the capacity', (t) => {
  const status = nodeStatus(facts, { ...settings, reserved: { cpuMilli: 250, memoryBytes: gib }, podsMax: 110 });
  t.deepEqual(status.capacity, { cpu: '4', memory: '8388608Ki', 'ephemeral-storage': '104857600Ki', pods: '110' });
  t.deepEqual(status.allocatable, { cpu: '3750m', memory: '7340032Ki', 'ephemeral-storage': '104857600Ki', pods: '110' });
});

test('a healthy node is Ready and under no pressure', (t) => {
  t.deepEqual(conditionsOf({}), [
    'MemoryPressure False KubeletHasSufficientMemory', 'DiskPressure False KubeletHasNoDiskPressure', 'PIDPressure False KubeletHasSufficientPID', 'Ready True KubeletReady',
  ]);
});

test('each shortage has its own condition, and a runtime that is away makes the node not ready', (t) => {
  t.true(conditionsOf({ state: { ...facts.state, memoryAvailableBytes: 50 * 2 ** 20 } })[0]?.startsWith('MemoryPressure True'));
  t.true(conditionsOf({ state: { ...facts.state, diskAvailableBytes: gib } })[1]?.startsWith('DiskPressure True KubeletHasDiskPressure'));
  t.true(conditionsOf({ state: { ...facts.state, pids: 32_700 } })[2]?.startsWith('PIDPressure True'));
  t.is(conditionsOf({ runtime: { version: '', ready: false, message: 'no socket' } })[3], 'Ready False KubeletNotReady');
});

test('of many images the largest are listed', (t) => {
  const images = Array.from({ length: 80 }, (_, index) => ({ names: [`i${index}`], sizeBytes: index }));
  const listed = nodeStatus({ ...facts, images }, settings).images ?? [];
  t.is(listed.length, 50);
  t.deepEqual(listed[0]?.names, ['i79']);
  const same = images.map(({ names }) => ({ names, sizeBytes: 1 }));
  t.deepEqual(nodeStatus({ ...facts, images: same.toReversed() }, settings), nodeStatus({ ...facts, images: same }, settings), 'the order in which they come is no change');
});

test('the files of /proc and /etc are read as they are written', (t) => {
  t.is(meminfoBytes('MemTotal:  100 kB\nMemAvailable:   42 kB\n', 'MemAvailable'), 42 * 1_024);
  t.is(osImageIn('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n'), 'Debian GNU/Linux 12 (bookworm)');
  t.is(threadsIn('0.20 0.18 0.12 1/812 11206'), 812);
});

test('this host can be described', async (t) => {
  const [host, state] = await Promise.all([readHostIdentity(), readHostState(tmpdir())]);
  t.true(host.cpus > 0 && host.memoryBytes > 0 && host.kernelVersion !== '');
  t.true(state.memoryAvailableBytes > 0 && state.diskBytes >= state.diskAvailableBytes && state.pids > 0 && state.pidsMax > state.pids);
});
