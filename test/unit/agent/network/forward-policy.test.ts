import test from 'ava';
import { forwardChanges } from '../../../../agent/network/forward-policy.ts';

const rule = (side: string, network: string): string => `FORWARD ${side} ${network} -m comment --comment berth-pods -j ACCEPT`;
const words = (...lines: string[]): string[][] => lines.map((line) => line.split(' '));

test('a host that passes everything on, or has no iptables, gets no rule', (t) => {
  t.deepEqual(forwardChanges('-P FORWARD ACCEPT\n-A FORWARD -j DOCKER-USER\n', '10.244.0.0/16'), []);
  t.deepEqual(forwardChanges('', '10.244.0.0/16'), []);
});

test('one that drops what it does not know passes what comes from pods and goes to them', (t) => {
  const docker = '-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n';
  const [from, to] = [rule('-s', '10.244.0.0/16'), rule('-d', '10.244.0.0/16')];
  t.deepEqual(forwardChanges(docker, '10.244.0.0/16'), words(`-I ${from}`, `-I ${to}`));
  t.deepEqual(forwardChanges(`${docker}-A ${from}\n`, '10.244.0.0/16'), words(`-I ${to}`));
  t.deepEqual(forwardChanges(`${docker}-A ${from}\n-A ${to}\n`, '10.244.0.0/16'), []);
});

test('rules that are wanted no more go', (t) => {
  const [from, to] = [rule('-s', '10.1.0.0/16'), rule('-d', '10.1.0.0/16')];
  t.deepEqual(forwardChanges(`-P FORWARD ACCEPT\n-A ${from}\n-A ${to}\n`, '10.2.0.0/16'), words(`-D ${from}`, `-D ${to}`));
  const changes = forwardChanges(`-P FORWARD DROP\n-A ${from}\n`, '10.2.0.0/16');
  t.deepEqual(changes, words(`-D ${from}`, `-I ${rule('-s', '10.2.0.0/16')}`, `-I ${rule('-d', '10.2.0.0/16')}`));
});
