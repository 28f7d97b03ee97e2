import test from 'ava';
import type { Answer } from 'dns-packet';
import { ClusterZone } from '../../../../agent/dns/cluster-zone.ts';
import type { Query } from '../../../../agent/dns/message.ts';
import { ServiceNames } from '../../../../agent/dns/service-names.ts';
import { NetworkStateStore } from '../../../../agent/network/network-state.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import { change, namedServices, serviceObject, sliceObject, zoneSettings } from '../../../fixtures/named-services.ts';

const zoneOf = (store: NetworkStateStore): ClusterZone => new ClusterZone(new ServiceNames(store), zoneSettings, seededRandom(1));

const text = (record: Answer): string => {
  if (record.type === 'SRV') return `SRV ${record.data.priority} ${record.data.weight} ${record.data.port} ${record.data.target}`;
  if (record.type === 'SOA') return `SOA ${record.data.mname}`;
  return `${record.type} ${'data' in record ? String(record.data) : ''}`;
};

const say = (zone: ClusterZone, type: string, name: string): string => {
  const found = zone.answer({ name, type: type as Query['type'] });
  if (found.kind === 'alias') return `CNAME ${found.target}`;
  if (found.kind !== 'found') return found.kind;
  return [...found.answers.map(text), ...(found.additionals ?? []).map((record) => `+${record.name} ${text(record)}`)].sort().join(', ');
};

const table: readonly (readonly [type: string, name: string, answer: string])[] = [
  ['A', 'web.team.svc.cluster.local', 'A 10.96.1.1'],
  ['A', 'WeB.team.SVC.cluster.LOCAL', 'A 10.96.1.1'],
  ['AAAA', 'web.team.svc.cluster.local', ''],
  ['TXT', 'web.team.svc.cluster.local', ''],
  ['A', 'other.team.svc.cluster.local', 'no-such-name'],
  ['AAAA', 'other.team.svc.cluster.local', 'no-such-name'],
  ['A', 'web.nobody.svc.cluster.local', 'no-such-name'],
  ['A', 'web.team.svc.cluster.local.team.svc.cluster.local', 'no-such-name'],
  ['A', 'www.example.com.team.svc.cluster.local', 'no-such-name'],
  ['A', 'web.team.cluster.local', 'no-such-name'],
  // Names above others exist.
  ['A', 'cluster.local', ''],
  ['A', 'svc.cluster.local', ''],
  ['A', 'team.svc.cluster.local', ''],
  ['A', 'nobody.svc.cluster.local', 'no-such-name'],
  ['A', '_tcp.web.team.svc.cluster.local', ''],
  // The server itself.
  ['SOA', 'cluster.local', 'SOA ns.dns.cluster.local'],
  ['NS', 'cluster.local', '+ns.dns.cluster.local A 10.96.0.10, NS ns.dns.cluster.local'],
  ['A', 'ns.dns.cluster.local', 'A 10.96.0.10'],
  ['TXT', 'dns-version.cluster.local', 'TXT 1.1.0'],
  // Ports.
  ['SRV', '_http._tcp.web.team.svc.cluster.local', '+web.team.svc.cluster.local A 10.96.1.1, SRV 0 100 80 web.team.svc.cluster.local'],
  ['SRV', '_dns._udp.web.team.svc.cluster.local', '+web.team.svc.cluster.local A 10.96.1.1, SRV 0 100 53 web.team.svc.cluster.local'],
  ['SRV', '_http._udp.web.team.svc.cluster.local', 'no-such-name'],
  ['SRV', '_._tcp.unnamed.team.svc.cluster.local', 'no-such-name'],
  ['A', '_http._tcp.web.team.svc.cluster.local', ''],
  ['SRV', 'unnamed.team.svc.cluster.local', '+unnamed.team.svc.cluster.local A 10.96.1.2, SRV 0 100 8080 unnamed.team.svc.cluster.local'],
  // Headless: endpoints that are ready, each with a name of its own.
  ['A', 'db.team.svc.cluster.local', 'A 10.244.0.5, A 10.244.1.6'],
  ['A', 'db-0.db.team.svc.cluster.local', 'A 10.244.0.5'],
  ['A', '10-244-1-6.db.team.svc.cluster.local', 'A 10.244.1.6'],
  ['A', '10-244-0-5.db.team.svc.cluster.local', 'no-such-name'],
  ['A', 'db-2.db.team.svc.cluster.local', 'no-such-name'],
  ['A', 'more.db-0.db.team.svc.cluster.local', 'no-such-name'],
  ['SRV', '_sql._tcp.db.team.svc.cluster.local',
    '+10-244-1-6.db.team.svc.cluster.local A 10.244.1.6, +db-0.db.team.svc.cluster.local A 10.244.0.5, SRV 0 50 15432 10-244-1-6.db.team.svc.cluster.local, SRV 0 50 15432 db-0.db.team.svc.cluster.local'],
  ['A', 'early.team.svc.cluster.local', 'A 10.244.1.7'],
  ['A', 'early-0.early.team.svc.cluster.local', 'A 10.244.1.7'],
  ['A', 'empty.team.svc.cluster.local', ''],
  ['SRV', '_sql._tcp.empty.team.svc.cluster.local', ''],
  // Endpoints of a service with an address have names too.
  ['A', '10-244-0-9.web.team.svc.cluster.local', 'A 10.244.0.9'],
  // Pods.
  ['A', '10-244-0-5.team.pod.cluster.local', 'A 10.244.0.5'],
  ['AAAA', '10-244-0-5.team.pod.cluster.local', ''],
  ['A', '10-244-0.team.pod.cluster.local', 'no-such-name'],
  ['A', '10-244-0-500.team.pod.cluster.local', 'no-such-name'],
  // Other names for others.
  ['A', 'outside.team.svc.cluster.local', 'CNAME www.example.com'],
  ['A', 'inside.team.svc.cluster.local', 'CNAME web.team.svc.cluster.local'],
  // Addresses.
  ['PTR', '1.1.96.10.in-addr.arpa', 'PTR web.team.svc.cluster.local'],
  ['PTR', '5.0.244.10.in-addr.arpa', 'PTR db-0.db.team.svc.cluster.local'],
  ['PTR', '6.1.244.10.IN-ADDR.arpa', 'PTR 10-244-1-6.db.team.svc.cluster.local'],
  ['PTR', '7.1.244.10.in-addr.arpa', 'PTR early-0.early.team.svc.cluster.local'],
  ['PTR', '9.0.244.10.in-addr.arpa', 'no-such-name'],
  ['PTR', '9.9.96.10.in-addr.arpa', 'no-such-name'],
  ['PTR', '1.2.0.192.in-addr.arpa', 'elsewhere'],
  ['A', '1.1.96.10.in-addr.arpa', ''],
  // Not the cluster's.
  ['A', 'www.example.com', 'elsewhere'],
  ['A', 'notcluster.local', 'elsewhere'],
  ['A', 'web', 'elsewhere'],
  ['A', '', 'elsewhere'],
];

test('questions are answered as Kubernetes answers them', (t) => {
  const zone = zoneOf(namedServices());
  for (const [type, name, answer] of table) t.is(say(zone, type, name), answer, `${type} ${name}`);
});

test('answers follow the services, and nothing is denied before they are known', (t) => {
  const store = new NetworkStateStore('node');
  const zone = zoneOf(store);
  store.begin();
  t.is(say(zone, 'A', 'web.team.svc.cluster.local'), 'unknown');
  t.is(say(zone, 'PTR', '1.1.96.10.in-addr.arpa'), 'unknown');
  t.is(say(zone, 'A', 'www.example.com'), 'elsewhere');
  change(store, { services: [serviceObject('team/web', { clusterIP: '10.96.1.1' }), serviceObject('team/db', { clusterIP: 'None' })], complete: true });
  t.is(say(zone, 'A', 'web.team.svc.cluster.local'), 'A 10.96.1.1');
  t.is(say(zone, 'A', 'db.team.svc.cluster.local'), '');
  change(store, { slices: [sliceObject('team/db', [{ addresses: ['10.244.0.1'] }])] });
  t.is(say(zone, 'A', 'db.team.svc.cluster.local'), 'A 10.244.0.1');
  t.is(say(zone, 'PTR', '1.0.244.10.in-addr.arpa'), 'PTR 10-244-0-1.db.team.svc.cluster.local');
  change(store, { slices: [sliceObject('team/db', [{ addresses: ['10.244.0.2'] }]), sliceObject('team/db', [{ addresses: ['10.244.0.2'] }], [], 2)] });
  t.is(say(zone, 'A', 'db.team.svc.cluster.local'), 'A 10.244.0.2', 'an endpoint on its way from slice to slice is one');
  t.is(say(zone, 'PTR', '1.0.244.10.in-addr.arpa'), 'no-such-name');
  change(store, { services: [serviceObject('team/web', { clusterIP: '10.96.1.2' })] });
  t.is(say(zone, 'PTR', '1.1.96.10.in-addr.arpa'), 'no-such-name');
  t.is(say(zone, 'PTR', '2.1.96.10.in-addr.arpa'), 'PTR web.team.svc.cluster.local');
  change(store, { removed: ['web', 'db'].map((name) => ({ kind: 'Service', namespace: 'team', name })) });
  t.is(say(zone, 'A', 'team.svc.cluster.local'), 'no-such-name');
  t.is(say(zone, 'PTR', '2.1.96.10.in-addr.arpa'), 'no-such-name');
});

test('each endpoint of a headless service comes first now and then', (t) => {
  const zone = zoneOf(namedServices());
  const firsts = Array.from({ length: 50 }, () => {
    const found = zone.answer({ name: 'db.team.svc.cluster.local', type: 'A' });
    return found.kind === 'found' && found.answers[0] ? text(found.answers[0]) : '';
  });
  t.deepEqual([...new Set(firsts)].sort(), ['A 10.244.0.5', 'A 10.244.1.6']);
});
