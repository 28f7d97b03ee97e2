import test from 'ava';
import { parseResolvConf, podDns } from '../../../../agent/runtime/dns.ts';
import type { Pod, PodSpec } from '../../../../proto/resources/kubernetes.ts';

const host = parseResolvConf('# comment\nnameserver 192.0.2.1\nnameserver 192.0.2.2 ; why\nsearch old.example\nsearch example.com corp.example\noptions ndots:2 rotate\n');
const cluster = { servers: ['10.96.0.10'], domain: 'cluster.local' };
const pod = (spec: Partial<PodSpec>): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'team' }, spec: { containers: [], ...spec } });

test('a resolv.conf is read as the resolver does', (t) => {
  t.deepEqual(host, { servers: ['192.0.2.1', '192.0.2.2'], searches: ['example.com', 'corp.example'], options: ['ndots:2', 'rotate'] });
});

test('ClusterFirst is the cluster’s DNS where there is one, and the host’s on the host’s network', (t) => {
  t.deepEqual(podDns(pod({}), host, cluster), {
    servers: ['10.96.0.10'],
    searches: ['team.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.com', 'corp.example'],
    options: ['ndots:5'],
  });
  t.deepEqual(podDns(pod({}), host, undefined), host);
  t.deepEqual(podDns(pod({ hostNetwork: true }), host, cluster), host);
  t.deepEqual(podDns(pod({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }), host, cluster).servers, ['10.96.0.10']);
  t.deepEqual(podDns(pod({ dnsPolicy: 'Default' }), host, cluster), host);
});

test('dnsConfig is added; of options with one name the pod’s counts; three servers at most', (t) => {
  const dnsConfig = { nameservers: ['192.0.2.2', '198.51.100.1', '198.51.100.2'], searches: ['own.example'], options: [{ name: 'ndots', value: '1' }, { name: 'debug' }] };
  t.deepEqual(podDns(pod({ dnsPolicy: 'Default', dnsConfig }), host, cluster), {
    servers: ['192.0.2.1', '192.0.2.2', '198.51.100.1'],
    searches: ['example.com', 'corp.example', 'own.example'],
    options: ['rotate', 'ndots:1', 'debug'],
  });
  t.deepEqual(podDns(pod({ dnsPolicy: 'None', dnsConfig: { nameservers: ['198.51.100.9'] } }), host, cluster), { servers: ['198.51.100.9'], searches: [], options: [] });
});
