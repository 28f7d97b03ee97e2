/** The loops of services together, in memory: what one change costs, and that a second leader finds nothing to do. */
import test, { type ExecutionContext } from 'ava';
import { endpointsKind, endpointSliceKind, podKind, serviceAccountKind, serviceKind } from '../../../../proto/kinds.ts';
import type { Endpoints, EndpointSlice, Pod, Service } from '../../../../proto/resources/kubernetes.ts';
import { asAdmin, type ControlPlane, startControlPlane } from '../../../fixtures/control-plane.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

const start = async (t: ExecutionContext): Promise<{ plane: ControlPlane; kv: MemoryKv }> => {
  const kv = new MemoryKv();
  const plane = await startControlPlane(t, kv);
  await plane.until('the namespaces exist', () => plane.reader.list(serviceAccountKind).length === 4);
  return { plane, kv };
};

const serviceNamed = (name: string): Service => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: { selector: { app: name, tier: 'web' }, ports: [{ port: 80 }] },
});

const addPod = async ({ verbs }: ControlPlane, name: string, app: string, podIP: string): Promise<void> => {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app, tier: 'web' } }, spec: { nodeName: 'gone', schedulerName: 'nobody', containers: [{ name: 'main', image: 'x:1' }] } };
  await verbs.create(podKind, 'default', pod, asAdmin());
  const conditions = [{ type: 'Ready', status: 'True' }];
  await verbs.modify<Pod>(podKind, `default/${name}`, (present) => ({ ...present, status: { ...present.status, phase: 'Running', podIP, conditions } }), asAdmin('status'));
};

const addresses = ({ reader }: ControlPlane, service: string): string =>
  reader.list<EndpointSlice>(endpointSliceKind, 'default').filter(({ object }) => object.metadata.labels?.['kubernetes.io/service-name'] === service)
    .flatMap(({ object }) => object.endpoints.filter(({ conditions }) => conditions?.ready).flatMap((endpoint) => endpoint.addresses)).toSorted().join();

const subset = ({ reader }: ControlPlane, service: string): string =>
  (reader.get<Endpoints>(endpointsKind, `default/${service}`)?.object.subsets ?? []).flatMap(({ addresses: ready }) => (ready ?? []).map(({ ip }) => ip)).join();

test('a pod is behind its services and no others, and one change writes one slice and one Endpoints', async (t) => {
  const { plane, kv } = await start(t);
  for (const name of ['a', 'b']) await plane.create(serviceKind, serviceNamed(name));
  await addPod(plane, 'a-1', 'a', '10.244.0.1');
  await addPod(plane, 'b-1', 'b', '10.244.0.2');
  await plane.until('both are served', () => addresses(plane, 'a') === '10.244.0.1' && subset(plane, 'a') === '10.244.0.1' && addresses(plane, 'b') === '10.244.0.2' && subset(plane, 'b') === '10.244.0.2');
  // What the loop has queued for its own writes comes before this: afterwards only the pod can bring the service up.
  await plane.create(serviceKind, serviceNamed('c'));
  await plane.until('the queue has come to the last service', () => plane.reader.get(endpointsKind, 'default/c') !== undefined && plane.reader.list(endpointSliceKind, 'default').length === 3);
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  const before = kv.transactions.length;
  await addPod(plane, 'a-2', 'a', '10.244.0.3');
  await plane.until('the second too', () => addresses(plane, 'a') === '10.244.0.1,10.244.0.3' && subset(plane, 'a') === '10.244.0.1,10.244.0.3');
  const written = kv.transactions.slice(before).flat().map(({ key }) => key.split('/').slice(3, 5).join('/')).filter((key) => !/pods|events/.test(key));
  t.deepEqual(written.toSorted(), ['core/endpoints', 'discovery.k8s.io/endpointslices']);
});

test('another leader finds nothing to do', async (t) => {
  const { plane, kv } = await start(t);
  await plane.create(serviceKind, serviceNamed('a'));
  await addPod(plane, 'a-1', 'a', '10.244.0.1');
  await plane.until('it is served', () => addresses(plane, 'a') === '10.244.0.1' && subset(plane, 'a') === '10.244.0.1');
  plane.stop();
  const before = kv.transactions.length;
  plane.lead();
  await plane.create(serviceKind, serviceNamed('b'));
  await plane.until('it works', () => plane.reader.get(endpointsKind, 'default/b') !== undefined && plane.reader.list(endpointSliceKind, 'default').length === 2);
  const touched = kv.transactions.slice(before).flat().map(({ key }) => key).filter((key) => /endpoint/.test(key));
  t.is(touched.length, 2, touched.join('\n'));
});
