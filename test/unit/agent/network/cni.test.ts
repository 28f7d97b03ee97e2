import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { networkList, uplinkIn, writeNetworkList } from '../../../../agent/network/cni.ts';

test('the network list is written once, and again when it changes, with nothing left beside it', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-cni-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const conf = join(dir, 'net.d');
  t.true(await writeNetworkList(conf, networkList('10.244.3.0/24', 1_500, '/tmp/leases')));
  t.false(await writeNetworkList(conf, networkList('10.244.3.0/24', 1_500, '/tmp/leases')));
  t.true(await writeNetworkList(conf, networkList('10.244.4.0/24', 1_500, '/tmp/leases')));
  t.deepEqual(await readdir(conf), ['10-berth.conflist']);
  const written = JSON.parse(await readFile(join(conf, '10-berth.conflist'), 'utf8')) as { plugins: { type: string; ipam?: object; mtu?: number }[] };
  t.deepEqual(written.plugins.map(({ type }) => type), ['bridge', 'portmap']);
  t.deepEqual(written.plugins[0]?.ipam, { type: 'host-local', dataDir: '/tmp/leases', ranges: [[{ subnet: '10.244.4.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] });
});

test('the uplink is the interface of the default route', (t) => {
  const header = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n';
  t.is(uplinkIn(`${header}eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\neth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`), 'eth0');
  t.is(uplinkIn(header), undefined);
});
