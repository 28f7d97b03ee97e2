import test from 'ava';
import { admit } from '../../../../agent/pods/admit.ts';
import type { ContainerPort } from '../../../../proto/resources/kubernetes.ts';
import { makeContainer, makePod } from '../../../fixtures/pod-lab.ts';

const withPort = (port: Partial<ContainerPort>, hostNetwork = false) =>
  makePod({ hostNetwork, containers: [makeContainer('app', { ports: [{ containerPort: 80, ...port }] })] });

const rejected = (...[wanted, taken]: [Partial<ContainerPort>, Partial<ContainerPort>]): boolean => admit(withPort(wanted), [withPort(taken)]) !== undefined;

test('a host port is given once per protocol and address', (t) => {
  t.true(rejected({ hostPort: 80 }, { hostPort: 80 }));
  t.false(rejected({ hostPort: 80 }, { hostPort: 81 }));
  t.false(rejected({ hostPort: 80 }, { hostPort: 80, protocol: 'UDP' }));
  t.false(rejected({ hostPort: 80, hostIP: '192.0.2.1' }, { hostPort: 80, hostIP: '192.0.2.2' }));
  t.true(rejected({ hostPort: 80, hostIP: '192.0.2.1' }, { hostPort: 80, hostIP: '0.0.0.0' }));
  t.false(rejected({}, {}));
});

test('a pod in the host’s network takes the ports that it names', (t) => {
  t.true(admit(withPort({}, true), [withPort({ hostPort: 80 })]) !== undefined);
});

test('a sysctl that is not safe, or that is the host’s, fails the pod', (t) => {
  const refusal = (name: string, spec: Parameters<typeof makePod>[0] = {}) => admit(makePod({ ...spec, securityContext: { sysctls: [{ name, value: '1' }] } }), []);
  t.deepEqual(refusal('kernel.msgmax'), { reason: 'SysctlForbidden', message: 'forbidden sysctl: "kernel.msgmax" not allowlisted' });
  t.is(refusal('net/ipv4/tcp_syncookies'), undefined);
  t.is(refusal('net.ipv4.tcp_syncookies', { hostNetwork: true })?.message, 'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled');
  t.is(refusal('kernel.shm_rmid_forced', { hostIPC: true })?.reason, 'SysctlForbidden');
});
