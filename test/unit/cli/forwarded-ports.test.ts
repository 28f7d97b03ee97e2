import test from 'ava';
import { parsePorts } from '../../../cli/forwarded-ports.ts';
import type { Pod, Service } from '../../../proto/resources/kubernetes.ts';

const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', ports: [{ name: 'web', containerPort: 8080 }] }] } };
const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ name: 'http', port: 80, targetPort: 'web' }, { name: 'plain', port: 81 }, { name: 'n', port: 82, targetPort: 9000 }] } };

test('ports are given as pairs, alone, by name, or left to the system', (t) => {
  t.deepEqual(parsePorts(['8000:80', '90', ':91', '1:web', 'web'], pod), [
    { local: 8000, remote: 80 }, { local: 90, remote: 90 }, { local: 0, remote: 91 }, { local: 1, remote: 8080 }, { local: 8080, remote: 8080 },
  ]);
});

test('a service’s ports lead to those of its pods', (t) => {
  t.deepEqual(parsePorts(['8000:http', '80', '81', ':n'], pod, service), [
    { local: 8000, remote: 8080 }, { local: 80, remote: 8080 }, { local: 81, remote: 81 }, { local: 0, remote: 9000 },
  ]);
});

test('what is no port is told', (t) => {
  for (const wrong of ['x:80', '1:2:3', '70000', 'nosuch', '0']) t.throws(() => parsePorts([wrong], pod), { name: 'UsageError' }, wrong);
  t.throws(() => parsePorts(['83'], pod, service), { name: 'UsageError' });
});
