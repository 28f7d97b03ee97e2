/**
 * The controller: the API over the store, the nodes' sessions, and, on the elected one, the scheduler and the loops.
 * Everything is made and wired here; nothing else knows all the parts.
 */
import { readFileSync } from 'node:fs';
import { joinRoutes } from './nodes/join.ts';
import { LeaseWatch } from './nodes/lease-watch.ts';
import { clusterNetworkOf } from './nodes/cluster-network.ts';
import { createNodeSigner } from './nodes/node-certificates.ts';
import { Peers } from './nodes/peers.ts';
import { NodeServer } from './nodes/server.ts';
import type { ListenerTls } from './nodes/tls-listener.ts';
import { Api } from './api/api.ts';
import { OpenApi } from './api/openapi.ts';
import { ApiServer, type ApiServerTls } from './api/server.ts';
import { type CertificateFiles, CertificateKeeper } from './certificate-keeper.ts';
import { type ControllerConfig, controllerConfig, type TlsFiles } from './config.ts';
import { EventRecorder } from './events/event-recorder.ts';
import { electionTtlSeconds, idleLingerAloneMs, idleLingerMs } from './limits.ts';
import { ServiceAllocator } from './services/allocator.ts';
import { ApiAddresses, apiPrefix, sessionsPrefix } from './services/api-addresses.ts';
import { serviceClaims, serviceNetworkOf } from './services/service-network.ts';
import { Scheduler } from './scheduler/scheduler.ts';
import { serverJoinRoute } from './server-join.ts';
import { Election, type Term } from './store/election.ts';
import { createEtcdKv } from './store/etcd.ts';
import type { EtcdTls } from './store/etcd-client.ts';
import { fencedKv } from './store/fence.ts';
import type { Kv } from './store/kv.ts';
import { openStore, type OpenStore } from './store/open.ts';
import { Stillness } from './stillness.ts';
import { createLoops } from './workloads/loops.ts';
import { systemClock as clock } from '../proto/process/clock.ts';
import { configFile, ConfigError, describeConfig, readConfig } from '../proto/process/config.ts';
import { createLog, type Log } from '../proto/process/log.ts';
import { systemRandom as random } from '../proto/process/random.ts';
import { shutdownSignal } from '../proto/process/shutdown.ts';
import { loadSchema, type Schema } from '../proto/schema/schema.ts';

/** The Kubernetes release whose API this is, and Berth's own version as build metadata. */
const version = 'v1.32.4+berth.0.1.0';

const etcdTlsOf = (tls: TlsFiles): EtcdTls => ({ ca: readFileSync(tls.authorityCertificate), certificate: readFileSync(tls.certificate), key: readFileSync(tls.key) });

/** This controller's certificate as its two servers want it. */
const servingTlsOf = ({ tls }: ControllerConfig): { readonly api: ApiServerTls; readonly nodes: ListenerTls } => {
  const [caPem, certPem, keyPem] = [readFileSync(tls.authorityCertificate, 'utf8'), readFileSync(tls.certificate, 'utf8'), readFileSync(tls.key, 'utf8')];
  return { api: { ca: caPem, cert: certPem, key: keyPem }, nodes: { caPem, certPem, keyPem } };
};

/** Renews what this controller has the authority for, and passes on what was replaced. Throws where a certificate cannot be read. */
const certificateKeepers = (config: ControllerConfig, onServing: () => void, onEtcd: (tls: EtcdTls) => void, log: Log): readonly CertificateKeeper[] => {
  const { tls, etcd, renews, certificateLifetimeSeconds: lifetimeSeconds } = config;
  const kept: readonly { readonly files: CertificateFiles; readonly onChange: () => void }[] = [
    { files: tls, onChange: onServing },
    ...(etcd.tls ? [{ files: etcd.tls, onChange: () => etcd.tls && onEtcd(etcdTlsOf(etcd.tls)) }] : []),
    ...renews.map((files) => ({ files, onChange: () => undefined })),
  ];
  return kept.map((one) => new CertificateKeeper({ ...one, lifetimeSeconds, clock, log }));
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));

interface LeaderParts {
  readonly config: ControllerConfig;
  readonly kv: Kv;
  readonly store: OpenStore;
  readonly schema: Schema;
  readonly allocator: ServiceAllocator;
  readonly apiAddresses: ApiAddresses;
  readonly liveness: LeaseWatch;
  readonly stillness: Stillness;
  readonly log: Log;
}

/** Runs the loops for one term. They are made anew for each: what an earlier one still has under way breaks at its own fence. */
const lead = async ({ lost, fence, resign }: Term, { config, kv, store, schema, allocator, apiAddresses, liveness, stillness, log }: LeaderParts): Promise<void> => {
  const { reader } = store;
  const verbs = new Api({ reader, writer: store.fenced(fence), clock, random, schema, allocator });
  const parts = { reader, verbs, recorder: new EventRecorder({ verbs, clock, random, log, over: lost }), clock, random, log };
  const services = { kv: fencedKv(kv, fence), network: serviceNetworkOf(config), allocator, apiAddresses };
  const podNetwork = { range: config.podNetwork, subnetBits: config.podNetworkNodeBits };
  const loops = [
    ...createLoops({ ...parts, liveness, podEvictionSeconds: config.podEvictionSeconds, services, podNetwork }),
    new Scheduler({ ...parts, log: log.child('scheduler') }),
  ];
  await store.caughtUp(fence, lost);
  if (lost.aborted) return;
  log.info('leading: the loops run here');
  for (const loop of loops) loop.start(lost);
  const standing = stillness.subscribe(() => resign('this process stood still'));
  await aborted(lost);
  standing.close();
};

const serve = async (config: ControllerConfig, log: Log, ending: AbortSignal): Promise<void> => {
  const authority = { certPem: readFileSync(config.tls.authorityCertificate, 'utf8'), keyPem: readFileSync(config.tls.authorityKey, 'utf8') };
  const onServing = (): void => {
    const present = servingTlsOf(config);
    server.setTls(present.api);
    nodes.setTls(present.nodes);
    peers?.setTls(present.nodes);
  };
  const keepers = certificateKeepers(config, onServing, (present) => kv.setTls(present), log.child('certificates'));
  const tls = servingTlsOf(config);
  const sign = createNodeSigner(authority, config.certificateLifetimeSeconds);
  const kv = createEtcdKv({ endpoints: config.etcd.endpoints, ...(config.etcd.tls ? { tls: etcdTlsOf(config.etcd.tls) } : {}), clock, random, log });
  const network = serviceNetworkOf(config);
  const store = await openStore({ kv, clock, random, log, claimsOf: serviceClaims(network) }, ending);
  const { reader } = store;
  const schema = loadSchema();
  const allocator = new ServiceAllocator({ reader, random, network });
  const api = new Api({ reader, writer: store.writer, clock, random, schema, allocator });
  const recorder = new EventRecorder({ verbs: api, clock, random, log });
  const liveness = new LeaseWatch({ kv, clock, random, log });
  const apiAddresses = new ApiAddresses({ kv, clock, log: log.child('api-addresses') });
  const sessionAddresses = new ApiAddresses({ kv, clock, log: log.child('session-addresses'), prefix: sessionsPrefix });
  const peers = config.peers && new Peers({ kv, tls: tls.nodes });
  const stillness = new Stillness(clock);
  stillness.subscribe((stillMs) => log.warn('this process stood still: sessions end, and it leads no more', { stillMs: Math.round(stillMs) }));
  const nodes = new NodeServer({ ...(peers ? { peers } : {}), reader, verbs: api, kv, recorder, clock, random, log, tls: tls.nodes, sign, network: clusterNetworkOf(config), controllers: sessionAddresses, stillness });
  const server = new ApiServer({
    api,
    reader,
    openapi: new OpenApi({ schema, version }),
    tunnels: nodes.tunnels,
    tls: tls.api,
    clock,
    random,
    log,
    version,
    schema,
    ready: () => store.connected() && !ending.aborted,
    extraRoutes: [...joinRoutes({ reader, authorityPem: authority.certPem, sign, clock, log }), serverJoinRoute({ config, addresses: () => apiAddresses.addresses ?? [], reader, clock, log })],
  });
  const election = new Election({ kv, key: '/berth/election/loops', id: config.name, clock, log: log.child('election'), ttlSeconds: electionTtlSeconds });

  await liveness.start();
  await Promise.all([apiAddresses.start(), sessionAddresses.start()]);
  if (config.peers) await peers?.listen(config.peers);
  const apiPort = await server.listen(config.api);
  const nodesPort = await nodes.listen(config.nodes);
  const keeping = Promise.all(keepers.map((keeper) => keeper.run(ending)));
  log.info('serving', { version, apiPort, nodesPort });
  const registered = apiAddresses.registerAll([[apiPrefix, config.api] as const, [sessionsPrefix, config.nodes] as const].flatMap(([prefix, { advertised }]) =>
    advertised.map((address, at) => ({ prefix, name: `${config.name}/${at}`, address }))), ending);
  const leave = async (): Promise<void> => {
    await aborted(ending);
    const alone = !apiAddresses.hasOthers(config.name);
    log.info('ending', { alone });
    await Promise.all([alone ? nodes.close() : nodes.handOver(), server.close(alone ? idleLingerAloneMs : idleLingerMs), registered, keeping]);
    nodes.close();
    peers?.close();
  };
  await Promise.all([election.run(ending, (term) => lead(term, { config, kv, store, schema, allocator, apiAddresses, liveness, stillness, log })), leave()]);
  stillness.close();
  liveness.close();
  for (const addresses of [apiAddresses, sessionAddresses]) addresses.close();
  allocator.close();
  store.close();
  await kv.close();
};

const main = async (): Promise<void> => {
  // Everything is loaded by now: a run with --version also fills the cache of compiled code.
  if (process.argv.includes('--version')) {
    process.stdout.write(`controller ${version}\n`);
    return;
  }
  if (process.argv.includes('--help')) {
    process.stdout.write(describeConfig('controller', 'The control plane: the Kubernetes API, the sessions of nodes and, on the elected one, the loops.', controllerConfig));
    return;
  }
  try {
    const config = readConfig(configFile(process.argv), controllerConfig);
    await serve(config, createLog(config.logLevel), shutdownSignal());
    process.exit(0);
  } catch (error) {
    process.stderr.write(`controller: ${error instanceof ConfigError ? error.message : (error as Error).stack}\n`);
    process.exit(1);
  }
};

await main();
