import test from 'ava';
import { DnsServer } from '../../../../agent/dns/dns-server.ts';
import { HostResolvers } from '../../../../agent/dns/host-resolvers.ts';
import { NodeDns } from '../../../../agent/dns/node-dns.ts';
import { dnsLimits } from '../../../../agent/limits.ts';
import { CommandFailed } from '../../../../agent/network/command.ts';
import { silentLog } from '../../../../proto/process/log.ts';
import { systemRandom } from '../../../../proto/process/random.ts';
import { askUdp } from '../../../fixtures/dns-peers.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';
import { namedServices, zoneSettings } from '../../../fixtures/named-services.ts';

const log = silentLog;
const [address, otherAddress] = ['127.53.1.1', '127.53.1.2'];
const asked = { questions: [{ name: 'web.team.svc.cluster.local', type: 'A' as const, class: 'IN' as const }] };

test('pods are told of the server once it listens; an address or port that cannot be had is tried again', async (t) => {
  const clock = new ManualClock();
  const taken = await DnsServer.listen({ resolver: { answer: () => undefined }, clock, log }, address, 0);
  const { port } = taken;
  const claimed: string[] = [];
  let claimable = true;
  const claim = async (one: string): Promise<void> => {
    if (!claimable) throw new CommandFailed('no');
    claimed.push(one);
  };
  const dns = new NodeDns({ state: namedServices(), claim, clock, random: systemRandom, log, port });
  t.teardown(() => dns.close());
  await dns.setUp({ ...zoneSettings, dnsAddress: address });
  t.is(dns.cluster, undefined);
  taken.close();
  claimable = false;
  await clock.advance(dnsLimits.listenRetryMsMin);
  claimable = true;
  // Sockets open and close in their own time, the clock does not wait for them.
  while (dns.cluster === undefined) await clock.advance(dnsLimits.listenRetryMsMax);
  t.deepEqual(dns.cluster, { servers: [address], domain: 'cluster.local' });
  t.like((await askUdp({ address, port }, asked)).answers, [{ data: '10.96.1.1' }]);

  const before = claimed.length;
  await dns.setUp({ ...zoneSettings, dnsAddress: address });
  t.is(claimed.length, before, 'the same again changes nothing');
  await dns.setUp({ ...zoneSettings, clusterDomain: 'example.org', dnsAddress: otherAddress });
  t.deepEqual(dns.cluster, { servers: [otherAddress], domain: 'example.org' });
  t.like((await askUdp({ address: otherAddress, port }, { questions: [{ name: 'web.team.svc.example.org', type: 'A' }] })).answers, [{ data: '10.96.1.1' }]);
});

test('the host’s servers are read again after a while, without this one', async (t) => {
  const clock = new ManualClock();
  let servers = ['192.0.2.1', '10.96.0.10'];
  let reads = 0;
  const read = async () => {
    reads += 1;
    return { servers };
  };
  const hosts = new HostResolvers({ read, own: '10.96.0.10', clock });
  t.deepEqual(await hosts.servers(), [{ address: '192.0.2.1', port: 53 }]);
  servers = ['192.0.2.2'];
  await clock.advance(dnsLimits.resolversKeptMs - 1);
  t.deepEqual(await hosts.servers(), [{ address: '192.0.2.1', port: 53 }]);
  t.is(reads, 1);
  await clock.advance(1);
  t.deepEqual(await hosts.servers(), [{ address: '192.0.2.2', port: 53 }]);
});
