import test from 'ava';
import { NetworkStateStore } from '../../../../../agent/network/network-state.ts';
import { healthCheckOf, HealthChecks } from '../../../../../agent/network/services/health-checks.ts';
import { systemClock } from '../../../../../proto/process/clock.ts';
import { silentLog } from '../../../../../proto/process/log.ts';
import type { Service } from '../../../../../proto/resources/kubernetes.ts';
import { freePorts } from '../../../../fixtures/free-ports.ts';
import { change } from '../../../../fixtures/named-services.ts';
import { serviceOf, sliceOf } from '../../../../fixtures/service-objects.ts';

const local = (port: number, more: object = {}): Service =>
  serviceOf('a', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: port, ports: [{ port: 80 }], ...more });

test('only services of type LoadBalancer and policy Local have a check, which counts the addresses that are ready here', (t) => {
  const slices = [
    sliceOf('a', 80, [{ address: '10.244.0.2', nodeName: 'me' }, { address: '10.244.1.2' }, { address: '10.244.0.3', nodeName: 'me', ready: false, serving: true }]),
    sliceOf('a', 443, [{ address: '10.244.0.2', nodeName: 'me' }]),
  ];
  t.deepEqual(healthCheckOf(local(31_000), slices, 'me'), { port: 31_000, localEndpoints: 1 });
  t.deepEqual(healthCheckOf(local(31_000), slices, 'elsewhere'), { port: 31_000, localEndpoints: 0 });
  t.is(healthCheckOf(local(31_000, { externalTrafficPolicy: 'Cluster' }), slices, 'me'), undefined);
  t.is(healthCheckOf(undefined, slices, 'me'), undefined);
});

test('the port answers by what is ready on the node, moves with the service, and closes with it', async (t) => {
  const [first = 0, second = 0] = await freePorts(2);
  const state = new NetworkStateStore('me');
  const checks = new HealthChecks({ nodeName: 'me', state, clock: systemClock, log: silentLog });
  t.teardown(() => checks.close());
  let version = 0;
  const tell = (port: number, ...addresses: string[]): void => {
    const metadata = (name: string) => ({ namespace: 'default', name, resourceVersion: String((version += 1)) });
    const slice = sliceOf('a', 80, addresses.map((address) => ({ address, nodeName: 'me' })));
    change(state, {
      services: [{ ...local(port), metadata: metadata('a') }],
      slices: [{ ...slice, metadata: { ...slice.metadata, ...metadata('a-1') } }],
      complete: true,
    });
  };
  const ask = async (port: number): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`);
    return [response.status, response.headers.get('x-load-balancing-endpoint-weight'), await response.json()];
  };
  state.begin();
  tell(first, '10.244.0.2', '10.244.0.3');
  const service = { namespace: 'default', name: 'a' };
  t.deepEqual(await ask(first), [200, '2', { service, localEndpoints: 2, serviceProxyHealthy: true }]);
  tell(first);
  t.deepEqual(await ask(first), [503, '0', { service, localEndpoints: 0, serviceProxyHealthy: true }]);
  tell(second, '10.244.0.2');
  t.deepEqual(await ask(second), [200, '1', { service, localEndpoints: 1, serviceProxyHealthy: true }]);
  await t.throwsAsync(ask(first), { instanceOf: TypeError });
  change(state, { removed: [{ kind: 'Service', namespace: 'default', name: 'a' }] });
  await t.throwsAsync(ask(second), { instanceOf: TypeError });
});
