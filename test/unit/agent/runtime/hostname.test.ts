import test from 'ava';
import { hostsFile, podHostname, shortHostname } from '../../../../agent/runtime/hostname.ts';
import { RuntimeFailure } from '../../../../agent/runtime/runtime.ts';
import type { Pod, PodSpec } from '../../../../proto/resources/kubernetes.ts';

const pod = (name: string, spec: Partial<PodSpec> = {}): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'team' }, spec: { containers: [], ...spec } });

test('a hostname is the pod’s name, cut to 63 characters that do not end in a dash or dot', (t) => {
  t.is(shortHostname(pod('web')), 'web');
  t.is(shortHostname(pod('web', { hostname: 'own' })), 'own');
  t.is(shortHostname(pod(`${'a'.repeat(62)}-bbb`)), 'a'.repeat(62));
});

test('the kernel is told the full name where the pod asks for it, and nothing on the host’s network', (t) => {
  const full = { hostname: 'h', subdomain: 'sub', setHostnameAsFQDN: true };
  t.is(podHostname(pod('web', full), 'cluster.local'), 'h.sub.team.svc.cluster.local');
  t.is(podHostname(pod('web', { ...full, setHostnameAsFQDN: false }), 'cluster.local'), 'h');
  t.is(podHostname(pod('web', { hostNetwork: true }), 'cluster.local'), '');
  t.throws(() => podHostname(pod('web', { ...full, hostname: 'h'.repeat(60) }), 'cluster.local'), { instanceOf: RuntimeFailure });
});

test('/etc/hosts has the pod’s addresses and aliases, and is the host’s on the host’s network', (t) => {
  const hostAliases = [{ ip: '10.1.1.1', hostnames: ['a', 'b'] }];
  const own = hostsFile(pod('web', { hostAliases, subdomain: 'sub' }), ['10.0.0.2'], 'cluster.local', '');
  t.true(own.includes('\n127.0.0.1\tlocalhost\n'));
  t.true(own.endsWith('\n10.0.0.2\tweb.sub.team.svc.cluster.local\tweb\n10.1.1.1\ta\tb\n'));
  t.is(hostsFile(pod('web', { hostAliases, hostNetwork: true }), [], 'cluster.local', '127.0.0.1 me\n'), '127.0.0.1 me\n10.1.1.1\ta\tb\n');
});
