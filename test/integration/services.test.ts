/** Services on a real etcd and the real API: addresses given while writing, endpoints made by the loops, kubectl in front. */
import test, { type ExecutionContext } from 'ava';
import { Api } from '../../controller/api/api.ts';
import { EventRecorder } from '../../controller/events/event-recorder.ts';
import { ServiceAllocator } from '../../controller/services/allocator.ts';
import { ClaimsRepair } from '../../controller/services/claims-repair.ts';
import { apiServiceAddress, defaultServiceNetwork, serviceClaims, serviceNetworkOf } from '../../controller/services/service-network.ts';
import { openStore } from '../../controller/store/open.ts';
import { createLoops } from '../../controller/workloads/loops.ts';
import { isApiError } from '../../proto/errors.ts';
import { endpointsKind, endpointSliceKind, namespaceKind, podKind, serviceKind } from '../../proto/kinds.ts';
import { systemClock as clock, timestamp } from '../../proto/process/clock.ts';
import { silentLog as log } from '../../proto/process/log.ts';
import { seededRandom, systemRandom } from '../../proto/process/random.ts';
import type { Endpoints, EndpointSlice, Pod, Service, ServiceSpec } from '../../proto/resources/kubernetes.ts';
import { podNamed } from '../fixtures/api-objects.ts';
import { type ApiFixture, startApi } from '../fixtures/api-server.ts';
import { asAdmin, PlayedLiveness } from '../fixtures/control-plane.ts';
import { hasKubectl, kubectlFor } from '../fixtures/kubectl.ts';
import { testKv } from '../fixtures/store.ts';

const pool = '192.0.2.10-192.0.2.11';

interface World extends ApiFixture {
  /** Resolves when `isSo` holds, looked at after every change. */
  until(what: string, isSo: () => boolean): Promise<void>;
}

const startWorld = async (t: ExecutionContext): Promise<World> => {
  const fixture = await startApi(t, { services: { loadBalancerPool: pool } });
  const { api, services, store: { reader } } = fixture;
  const recorder = new EventRecorder({ verbs: api, clock, random: systemRandom, log });
  const term = new AbortController();
  t.teardown(() => term.abort());
  t.teardown(() => services.apiAddresses.close());
  await services.apiAddresses.start();
  for (const loop of createLoops({ reader, verbs: api, recorder, clock, log, liveness: new PlayedLiveness(), services })) loop.start(term.signal);
  const until = (what: string, isSo: () => boolean): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`not so after 20 s: ${what}`)), 20_000);
    const check = (): void => {
      if (!isSo()) return;
      clearTimeout(timer);
      resolve();
    };
    const subscription = reader.subscribe([endpointSliceKind, endpointsKind, serviceKind, podKind, namespaceKind], check);
    check();
    return promise.finally(() => subscription.close());
  };
  return { ...fixture, until };
};

let world: World | undefined;
const ends: (() => unknown)[] = [];
/** One cluster for all tests of this file, which therefore run one after the other in namespaces of their own. */
test.serial.before(async () => {
  // Hooks have no teardown of their own.
  const teardown = (end: () => unknown): void => void ends.push(end);
  world = await startWorld({ teardown } as unknown as ExecutionContext);
});
test.after.always(async () => {
  for (const end of ends.toReversed()) await end();
});

const inNamespace = async (namespace: string): Promise<World> => {
  const found = world;
  if (!found) throw new Error('the cluster is started before the first test');
  await found.api.create(namespaceKind, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, asAdmin());
  return found;
};

const serviceNamed = (name: string, spec: Partial<ServiceSpec> = {}): Service => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port: 80 }], selector: { app: name }, ...spec },
});

const refusalOf = async (write: Promise<unknown>): Promise<string> => {
  try {
    await write;
  } catch (error) {
    if (isApiError(error)) return error.message;
    throw error;
  }
  return 'written';
};

const claimsIn = async ({ etcd }: World, t: ExecutionContext): Promise<string[]> => {
  const { entries } = await testKv(t, etcd.endpoint).range('/berth/claims/');
  return entries.map(({ key, value }) => `${key.slice('/berth/claims/'.length)} ${value.toString()}`);
};

test.serial('a service is given an address with the answer, keeps it, and gives it up with its claim', async (t) => {
  const { api, ...rest } = await inNamespace('addresses');
  const make = (name: string, spec: Partial<ServiceSpec> = {}) => api.create<Service>(serviceKind, 'addresses', serviceNamed(name, spec), asAdmin());
  const first = (await make('first')).object;
  t.regex(first.spec?.clusterIP ?? '', /^10\.96\./);
  t.deepEqual(first.spec?.clusterIPs, [first.spec?.clusterIP ?? '']);
  t.is(first.spec?.ipFamilyPolicy, 'SingleStack');
  const taken = `spec.clusterIPs: Invalid value: ["${first.spec?.clusterIP}"]: failed to allocate IP ${first.spec?.clusterIP}: provided IP is already allocated`;
  t.is(await refusalOf(make('second', { clusterIP: first.spec?.clusterIP ?? '' })), `Service "second" is invalid: ${taken}`);
  t.regex(await refusalOf(make('second', { clusterIP: '10.97.0.1' })), /provided IP is not in the valid range\. The range of valid IPs is 10\.96\.0\.0\/16$/);
  t.regex(await refusalOf(make('second', { clusterIP: '10.96.0.1' })), /already allocated/);
  t.is((await make('none', { clusterIP: 'None' })).object.spec?.clusterIP, 'None');
  t.is((await make('other', { type: 'ExternalName', externalName: 'db.example.com' })).object.spec?.clusterIP, undefined);

  const replaced = (await api.update<Service>(serviceKind, 'addresses', serviceNamed('first', { ports: [{ port: 81 }] }), asAdmin())).object;
  t.is(replaced.spec?.clusterIP, first.spec?.clusterIP);
  const world = { api, ...rest };
  t.deepEqual((await claimsIn(world, t)).filter((each) => each.includes('addresses/first')), [`cluster-ips/${first.spec?.clusterIP} /berth/objects/core/services/addresses/first`]);
  const named = await api.modify<Service>(serviceKind, 'addresses/first', (present) => ({ ...present, spec: { ...present.spec, type: 'ExternalName', externalName: 'a.example.com' } }), asAdmin());
  t.is(named.object.spec?.clusterIP, undefined);
  t.is((await make('second', { clusterIP: first.spec?.clusterIP ?? '' })).object.spec?.clusterIP, first.spec?.clusterIP);
  await api.delete(serviceKind, 'addresses', 'second', asAdmin());
  t.deepEqual((await claimsIn(world, t)).filter((each) => each.includes('/services/addresses/')), []);
});

test.serial('node ports, health check ports and balancer addresses come and go with the type', async (t) => {
  const world = await inNamespace('ports');
  const { api } = world;
  const make = (name: string, spec: Partial<ServiceSpec>) => api.create<Service>(serviceKind, 'ports', serviceNamed(name, spec), asAdmin());
  const dns = [{ name: 'udp', port: 53, protocol: 'UDP' }, { name: 'tcp', port: 53 }, { name: 'web', port: 80, nodePort: 30_080 }];
  const { spec } = (await make('a', { type: 'NodePort', ports: dns })).object;
  const [udp, tcp, web] = (spec?.ports ?? []).map(({ nodePort }) => nodePort);
  t.is(udp, tcp);
  t.is(web, 30_080);
  t.true((udp ?? 0) >= 30_000 && (udp ?? 0) <= 32_767);
  t.is(await refusalOf(make('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] })),
    'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated');
  t.regex(await refusalOf(make('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })), /not in the valid range\. The range of valid ports is 30000-32767$/);
  const inside = await api.modify<Service>(serviceKind, 'ports/a', (present) => ({ ...present, spec: { ...present.spec, type: 'ClusterIP' } }), asAdmin());
  t.deepEqual(inside.object.spec?.ports?.map(({ nodePort }) => nodePort), [undefined, undefined, undefined]);
  t.is((await make('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] })).object.spec?.ports?.[0]?.nodePort, 30_080);

  const one = (await make('one', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' })).object;
  t.regex(one.status?.loadBalancer?.ingress?.[0]?.ip ?? '', /^192\.0\.2\.1[01]$/);
  t.true((one.spec?.healthCheckNodePort ?? 0) >= 30_000);
  const bare = (await make('bare', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, loadBalancerClass: 'example.com/other' })).object;
  t.deepEqual([bare.spec?.ports?.[0]?.nodePort, bare.status?.loadBalancer], [undefined, {}]);
  await make('two', { type: 'LoadBalancer' });
  const warnings: string[] = [];
  const third = await api.create<Service>(serviceKind, 'ports', serviceNamed('three', { type: 'LoadBalancer' }), { ...asAdmin(), warn: (text) => warnings.push(text) });
  t.deepEqual(third.object.status?.loadBalancer, {});
  t.deepEqual(warnings, [`no address of the pool ${pool} is free; the service has no external address until one is`]);
  await api.delete(serviceKind, 'ports', 'one', asAdmin());
  await world.until('the address that is free again goes to who waits for it', () =>
    (world.store.reader.get<Service>(serviceKind, 'ports/three')?.object.status?.loadBalancer?.ingress?.length ?? 0) > 0);
  await api.delete(namespaceKind, '', 'ports', asAdmin());
  await world.until('the namespace is gone', () => world.store.reader.get(namespaceKind, 'ports') === undefined);
  t.deepEqual((await claimsIn(world, t)).filter((each) => each.includes('/services/ports/')), []);
});

test.serial('a dry run shows what would be given, and takes nothing', async (t) => {
  const world = await inNamespace('dry');
  const { api } = world;
  const before = await claimsIn(world, t);
  const dry = { ...asAdmin(), dryRun: true };
  const { object } = await api.create<Service>(serviceKind, 'dry', serviceNamed('a', { type: 'NodePort' }), dry);
  t.regex(object.spec?.clusterIP ?? '', /^10\.96\./);
  t.deepEqual(await claimsIn(world, t), before);
  const real = await api.create<Service>(serviceKind, 'dry', serviceNamed('a', { clusterIP: object.spec?.clusterIP ?? '' }), asAdmin());
  t.regex(await refusalOf(api.create(serviceKind, 'dry', serviceNamed('b', { clusterIP: real.object.spec?.clusterIP ?? '' }), dry)), /already allocated/);
});

test.serial('sixty services made at once by two controllers have sixty addresses, of a network that has no more', async (t) => {
  const { etcd } = await inNamespace('crowd');
  const network = serviceNetworkOf({ ...defaultServiceNetwork, serviceNetwork: '10.99.0.0/26' });
  const controllers = await Promise.all([1, 2].map(async (seed) => {
    const kv = testKv(t, etcd.endpoint);
    const random = seededRandom(seed);
    const store = await openStore({ kv, clock, log, random, claimsOf: serviceClaims(network) });
    t.teardown(() => store.close());
    const allocator = new ServiceAllocator({ reader: store.reader, random, network });
    t.teardown(() => allocator.close());
    return new Api({ reader: store.reader, writer: store.writer, clock, random, allocator });
  }));
  const made = await Promise.all(Array.from({ length: 60 }, async (_, at) =>
    (controllers[at % 2] as Api).create<Service>(serviceKind, 'crowd', serviceNamed(`s${at}`), asAdmin())));
  t.is(new Set(made.map(({ object }) => object.spec?.clusterIP)).size, 60);
  t.is(await refusalOf((controllers[0] as Api).create(serviceKind, 'crowd', serviceNamed('last'), asAdmin())),
    'Internal error occurred: failed to allocate a serviceIP: range is full');
});

let addresses = 0;

const startPod = async ({ api }: World, namespace: string, name: string, app: string, spec: object = {}): Promise<void> => {
  const pod = podNamed(name) as unknown as Pod;
  addresses += 1;
  const podIP = `10.244.${addresses >> 8}.${addresses & 255}`;
  pod.metadata.labels = { app };
  Object.assign(pod.spec ?? {}, { nodeName: 'node-1' }, spec);
  await api.create(podKind, namespace, pod, asAdmin());
  await api.modify<Pod>(podKind, `${namespace}/${name}`, (present) => ({ ...present, status: { ...present.status, phase: 'Running', podIP, podIPs: [{ ip: podIP }] } }), asAdmin('status'));
};

const setReady = ({ api }: World, key: string, ready: boolean): Promise<unknown> =>
  api.modify<Pod>(podKind, key, (present) => ({
    ...present,
    status: { ...present.status, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: timestamp(clock.nowMs()) }] },
  }), asAdmin('status'));

const slicesOf = ({ store }: World, namespace: string, service: string): EndpointSlice[] =>
  store.reader.list<EndpointSlice>(endpointSliceKind, namespace).map(({ object }) => object).filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service);

/** `name ready serving terminating` of every endpoint. */
const conditionsOf = (slices: readonly EndpointSlice[]): string[] =>
  slices.flatMap(({ endpoints }) => endpoints.map(({ targetRef, conditions }) => `${targetRef?.name} ${conditions?.ready} ${conditions?.serving} ${conditions?.terminating}`)).toSorted();

test.serial('endpoints follow the pods of a service, in both forms', async (t) => {
  const world = await inNamespace('endpoints');
  const { api, store: { reader } } = world;
  await api.create(serviceKind, 'endpoints', serviceNamed('web', { ports: [{ name: 'http', port: 80, targetPort: 'http' }] }), asAdmin());
  await world.until('a slice says that there is nothing', () => slicesOf(world, 'endpoints', 'web').length === 1);
  t.deepEqual(slicesOf(world, 'endpoints', 'web')[0]?.endpoints, []);
  const listening = (containerPort: number) => ({ containers: [{ name: 'main', image: 'x:1', ports: [{ name: 'http', containerPort }] }] });
  await startPod(world, 'endpoints', 'a', 'web', { ...listening(8080), hostname: 'a', subdomain: 'web' });
  await startPod(world, 'endpoints', 'b', 'web', listening(8081));
  await startPod(world, 'endpoints', 'c', 'other', listening(8080));
  const states = (): string[] => conditionsOf(slicesOf(world, 'endpoints', 'web'));
  await world.until('both are known', () => states().join() === 'a false false false,b false false false');
  await setReady(world, 'endpoints/a', true);
  await world.until('one is ready', () => states()[0] === 'a true true false');
  const slices = slicesOf(world, 'endpoints', 'web');
  t.deepEqual(slices.map(({ ports }) => ports?.[0]?.port).toSorted(), [8080, 8081]);
  const slice = slices.find(({ ports }) => ports?.[0]?.port === 8080);
  t.is(slice?.endpoints[0]?.hostname, 'a');
  t.is(slice?.endpoints[0]?.nodeName, 'node-1');
  t.is(slice?.metadata.labels?.['endpointslice.kubernetes.io/managed-by'], 'endpointslice-controller.k8s.io');
  t.is(slice?.metadata.ownerReferences?.[0]?.name, 'web');
  const subsets = () => reader.get<Endpoints>(endpointsKind, 'endpoints/web')?.object.subsets ?? [];
  await world.until('Endpoints too', () => subsets().some(({ addresses: ready }) => ready?.[0]?.targetRef?.name === 'a'));
  t.is(subsets().find(({ notReadyAddresses }) => notReadyAddresses)?.ports?.[0]?.port, 8081);

  await api.delete(podKind, 'endpoints', 'a', asAdmin());
  await world.until('who ends still serves', () => states()[0] === 'a false true true');
  await api.modify<Service>(serviceKind, 'endpoints/web', (present) => ({ ...present, spec: { ...present.spec, publishNotReadyAddresses: true } }), asAdmin());
  await world.until('all are published', () => states().join() === 'a true true true,b true false false');
  await api.finishPodDeletion('endpoints', 'a', reader.get(podKind, 'endpoints/a')?.object.metadata.uid ?? '');
  await world.until('who has ended is out', () => states().join() === 'b true false false');
  await api.delete(serviceKind, 'endpoints', 'web', asAdmin());
  await world.until('nothing is left', () => slicesOf(world, 'endpoints', 'web').length === 0 && !reader.get(endpointsKind, 'endpoints/web'));
  t.pass();
});

test.serial('Endpoints written by hand are mirrored into slices', async (t) => {
  const world = await inNamespace('mirror');
  const { api } = world;
  const { selector: _none, ...spec } = serviceNamed('db').spec ?? {};
  await api.create(serviceKind, 'mirror', { ...serviceNamed('db'), spec }, asAdmin());
  const byHand = (ip: string): Endpoints => ({ apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'db' }, subsets: [{ addresses: [{ ip }], ports: [{ port: 5432 }] }] });
  await api.create(endpointsKind, 'mirror', byHand('192.0.2.50'), asAdmin());
  const mirrored = (): string[] => slicesOf(world, 'mirror', 'db').flatMap(({ endpoints }) => endpoints.flatMap(({ addresses: each }) => each));
  await world.until('the slice is there', () => mirrored().join() === '192.0.2.50');
  t.is(slicesOf(world, 'mirror', 'db')[0]?.metadata.labels?.['endpointslice.kubernetes.io/managed-by'], 'endpointslicemirroring-controller.k8s.io');
  await api.update(endpointsKind, 'mirror', byHand('192.0.2.51'), asAdmin());
  await world.until('it follows', () => mirrored().join() === '192.0.2.51');
  await api.delete(endpointsKind, 'mirror', 'db', asAdmin());
  await world.until('it goes', () => mirrored().length === 0);
});

test.serial('the service kubernetes has the controllers that there are', async (t) => {
  const world = await inNamespace('api');
  const { services: { apiAddresses, network }, store: { reader } } = world;
  const has = (addresses: string): boolean =>
    slicesOf(world, 'default', 'kubernetes').flatMap(({ endpoints }) => endpoints.flatMap(({ addresses: each }) => each)).join() === addresses &&
    (reader.get<Endpoints>(endpointsKind, 'default/kubernetes')?.object.subsets?.[0]?.addresses ?? []).map(({ ip }) => ip).join() === addresses;
  const [one, two] = [new AbortController(), new AbortController()];
  t.teardown(() => one.abort());
  const [first, second] = [apiAddresses.register('one', '192.0.2.1:6443', one.signal), apiAddresses.register('two', '192.0.2.2:6443', two.signal)];
  await world.until('both are there', () => has('192.0.2.1,192.0.2.2'));
  const service = reader.get<Service>(serviceKind, 'default/kubernetes')?.object;
  t.is(service?.spec?.clusterIP, apiServiceAddress(network));
  t.deepEqual(service?.spec?.ports, [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }]);
  two.abort();
  await second;
  await world.until('who left is out', () => has('192.0.2.1'));
  await world.api.delete(serviceKind, 'default', 'kubernetes', asAdmin());
  await world.until('it comes back', () => reader.get(serviceKind, 'default/kubernetes') !== undefined && has('192.0.2.1'));
  one.abort();
  await first;
});

test.serial('claims without an object are removed, and objects without theirs get them', async (t) => {
  const world = await inNamespace('repair');
  const { api, services: { kv, network }, store: { reader } } = world;
  const { spec } = (await api.create<Service>(serviceKind, 'repair', serviceNamed('a'), asAdmin())).object;
  const ours = `/berth/claims/cluster-ips/${spec?.clusterIP}`;
  const stray = '/berth/claims/cluster-ips/10.96.250.1';
  await kv.txn([{ key: ours, value: undefined, expectedRevision: undefined }, { key: stray, value: Buffer.from('/berth/objects/core/services/repair/gone'), expectedRevision: 0 }]);
  const recorder = new EventRecorder({ verbs: api, clock, random: systemRandom, log });
  await new ClaimsRepair({ reader, verbs: api, recorder, clock, log }, kv, serviceClaims(network)).repair(new AbortController().signal);
  t.is((await kv.get(ours))?.value.toString(), '/berth/objects/core/services/repair/a');
  t.is(await kv.get(stray), undefined);
});

test.serial('kubectl shows services and what is behind them', async (t) => {
  if (!(await hasKubectl())) {
    t.pass('there is no kubectl on this machine');
    return;
  }
  const world = await inNamespace('shown');
  const kubectl = kubectlFor(world.dir, world.kubeconfigPath);
  const ok = async (line: string): Promise<string> => {
    const { code, stdout, stderr } = await kubectl([...line.split(' '), '-n', 'shown']);
    t.is(code, 0, `kubectl ${line}\n${stdout}${stderr}`);
    return stdout;
  };
  await ok('create deployment web --image=x:1 --port=8080');
  t.is(await ok('expose deployment web --port=80 --target-port=8080'), 'service/web exposed\n');
  await startPod(world, 'shown', 'web-1', 'web');
  await setReady(world, 'shown/web-1', true);
  const ip = `10.244.${addresses >> 8}.${addresses & 255}`;
  await world.until('the pod is behind the service', () =>
    conditionsOf(slicesOf(world, 'shown', 'web')).join() === 'web-1 true true false' && Boolean(world.store.reader.get<Endpoints>(endpointsKind, 'shown/web')?.object.subsets?.length));
  t.regex(await ok('get svc web'), /NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP/);
  t.regex(await ok('get ep web'), new RegExp(`NAME +ENDPOINTS +AGE\\nweb +${ip}:8080 `));
  t.regex(await ok('get endpointslices'), new RegExp(`NAME +ADDRESSTYPE +PORTS +ENDPOINTS +AGE\\nweb-\\w{5} +IPv4 +8080 +${ip} `));
  t.regex(await ok('describe svc web'), new RegExp(`Endpoints: +${ip}:8080\\n`));
  await ok('create poddisruptionbudget web --selector=app=web --min-available=50%');
  t.regex(await ok('get pdb'), /NAME +MIN AVAILABLE +MAX UNAVAILABLE +ALLOWED DISRUPTIONS +AGE\nweb +50% +N\/A +0 /);
  for (const kind of ['endpoints.subsets', 'endpointslices.endpoints.conditions', 'pdb.spec.minAvailable']) t.regex(await ok(`explain ${kind}`), /FIELD|DESCRIPTION/);
  for (const what of ['ep/web', 'endpointslices', 'pdb/web']) t.regex(await ok(`describe ${what}`), /Name: +web/);
});
