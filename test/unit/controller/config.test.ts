import test from 'ava';
import { controllerConfig } from '../../../controller/config.ts';

const required = {
  name: 'one', api: {}, nodes: { advertised: ['192.0.2.1:6444'] }, etcd: { endpoints: ['http://127.0.0.1:2379'] },
  tls: { authorityCertificate: '/dev/null', authorityKey: '/dev/null', certificate: '/dev/null', key: '/dev/null' },
};

const problemsOf = (settings: object): string[] => {
  const problems: string[] = [];
  controllerConfig.check({ ...required, ...settings }, '', problems);
  return problems;
};

test('the settings of services have defaults, and wrong ones are told', (t) => {
  t.deepEqual(problemsOf({}), []);
  t.deepEqual(problemsOf({ serviceNetwork: '10.1.0.0/16', nodePorts: '31000-31999', loadBalancerPool: '192.0.2.10-192.0.2.99', dnsAddress: '10.1.0.53', api: { advertised: ['192.0.2.1:6443'] } }), []);
  t.deepEqual(problemsOf({ serviceNetwork: '10.96.0.0/31', nodePorts: '32767-30000', loadBalancerPool: 'x', dnsAddress: 'dns', api: { advertised: ['localhost:6443'] } }), [
    'api.advertised[0] must be an IPv4 address and a port such as 192.0.2.1:6443, and is "localhost:6443"',
    'serviceNetwork must be an IPv4 range from /8 to /30 such as 10.96.0.0/16, and is "10.96.0.0/31"',
    'nodePorts must be a range of ports such as 30000-32767, and is "32767-30000"',
    'loadBalancerPool must be a range of addresses such as 192.0.2.10-192.0.2.99 or 192.0.2.0/24, and is "x"',
    'dnsAddress must be an IPv4 address, and is "dns"',
  ]);
});

test('ranges that contradict each other are told', (t) => {
  t.deepEqual(problemsOf({ serviceNetwork: '10.244.128.0/24', loadBalancerPool: '10.244.128.0/28', dnsAddress: '10.96.0.10' }), [
    'serviceNetwork 10.244.128.0/24 must not overlap podNetwork 10.244.0.0/16',
    'loadBalancerPool 10.244.128.0/28 must not overlap serviceNetwork 10.244.128.0/24',
    'loadBalancerPool 10.244.128.0/28 must not overlap podNetwork 10.244.0.0/16',
    'dnsAddress must be an address of serviceNetwork 10.244.128.0/24',
  ]);
  t.deepEqual(problemsOf({ dnsAddress: '10.96.0.1' }), ['dnsAddress must not be 10.96.0.1: the first address of serviceNetwork is that of the service kubernetes']);
});

test('what the nodes’ parts of the pod network do not fit in is told', (t) => {
  t.deepEqual(problemsOf({ podNetwork: '300.1.2.3/40' }), ['podNetwork must be an IPv4 range from /8 to /30 such as 10.244.0.0/16, and is "300.1.2.3/40"']);
  t.deepEqual(problemsOf({ podNetwork: '10.244.0.0/25' }), ['podNetworkNodeBits must be from 25, as podNetwork is 10.244.0.0/25, to 30, and is 24']);
  t.deepEqual(problemsOf({ podNetworkNodeBits: 31 }), ['podNetworkNodeBits must be from 16, as podNetwork is 10.244.0.0/16, to 30, and is 31']);
  t.deepEqual(problemsOf({ podNetwork: '10.244.0.0/25', podNetworkNodeBits: 28 }), []);
  t.deepEqual(problemsOf({ nodes: { advertised: ['192.0.2.1:65536'] } }), ['nodes.advertised[0] must be host:port, and is "192.0.2.1:65536"']);
});

test('etcd is spoken to with TLS or without, as its endpoints say', (t) => {
  const tls = required.tls;
  const problems = (endpoint: string, files?: object): string[] => problemsOf({ etcd: { endpoints: [endpoint], ...(files ? { tls: files } : {}) } });
  t.deepEqual(problems('https://192.0.2.1:2379', { authorityCertificate: '/dev/null', certificate: tls.certificate, key: tls.key }), []);
  t.deepEqual(problems('https://192.0.2.1:2379'), ['etcd.endpoints with https:// need etcd.tls']);
  t.deepEqual(problems('http://192.0.2.1:2379', { authorityCertificate: '/dev/null', certificate: tls.certificate, key: tls.key }), ['etcd.endpoints must all be https:// where etcd.tls is set']);
  t.deepEqual(problems('192.0.2.1:2379'), ['etcd.endpoints[0] must be http://HOST:PORT or https://HOST:PORT, and is "192.0.2.1:2379"']);
  t.deepEqual(problems('https://192.0.2.1:2379', { authorityCertificate: '/nowhere', certificate: tls.certificate, key: tls.key }), ['etcd.tls.authorityCertificate: /nowhere is not there']);
});
