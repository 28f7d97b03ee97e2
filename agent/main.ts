/**
 * The agent: makes its host run the pods bound to it. Joins the cluster if it has no certificate, then keeps a session
 * with a controller. Everything is made and wired here.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentConfig, agentConfig } from './config.ts';
import { CertificateRenewal } from './certificate-renewal.ts';
import { claimDnsAddress } from './dns/dns-address.ts';
import { NodeDns } from './dns/node-dns.ts';
import { EventQueue } from './event-queue.ts';
import { readHostIdentity } from './host-facts.ts';
import { ensureIdentity } from './identity.ts';
import { KnownControllers } from './known-controllers.ts';
import { leasesDirOf } from './network/cni.ts';
import { lostAddresses, lostHostPorts } from './network/lost-addresses.ts';
import { NetworkStateStore } from './network/network-state.ts';
import { NodeNetwork } from './network/node-network.ts';
import { applyRules } from './network/masquerade.ts';
import { forgetFlows, presentFlows } from './network/services/flows.ts';
import { HealthChecks } from './network/services/health-checks.ts';
import { ServiceProxy } from './network/services/service-proxy.ts';
import { NodeObjectStore } from './node-objects.ts';
import { kubeletVersion, NodeStatusWatch } from './node-status.ts';
import { Pods } from './pods/pods.ts';
import { runtimeFacts } from './runtime-facts.ts';
import { Attachments } from './runtime/attachments.ts';
import { Commands } from './runtime/commands.ts';
import { CriRuntime } from './runtime/cri-runtime.ts';
import { Session } from './session.ts';
import { ShutdownDrain } from './shutdown-drain.ts';
import { StatusReporter } from './status-reporter.ts';
import { TunnelAnswers } from './tunnel.ts';
import { UsageMeter } from './usage-meter.ts';
import { JoinFailure } from '../proto/joining.ts';
import type { Welcome } from '../proto/node-service.ts';
import { systemClock as clock } from '../proto/process/clock.ts';
import { configFile, ConfigError, describeConfig, readConfig } from '../proto/process/config.ts';
import { createLog, type Log } from '../proto/process/log.ts';
import { systemRandom as random } from '../proto/process/random.ts';
import { shutdownSignal } from '../proto/process/shutdown.ts';

const identityDir = ({ dataDir }: AgentConfig): string => join(dataDir, 'identity');

const identityOf = async (config: AgentConfig) => {
  const { join: { url, tokenFile }, nodeName } = config;
  const token = existsSync(tokenFile) ? readFileSync(tokenFile, 'utf8').trim() : undefined;
  const identity = await ensureIdentity({ dir: identityDir(config), controllerUrls: url, nodeName, clock, ...(token ? { token } : {}) });
  // It has done its work; what lies about can be stolen.
  rmSync(tokenFile, { force: true });
  return identity;
};

const startRuntime = async (config: AgentConfig, objects: NodeObjectStore, dns: NodeDns, log: Log): Promise<CriRuntime> => {
  const { nodeName, nodeAddress, dataDir, containerd, cgroupParent } = config;
  const runtime = new CriRuntime({
    socket: containerd.socket,
    rootDir: dataDir,
    nodeName,
    hostIp: nodeAddress,
    cgroupParent,
    objects,
    clusterDns: () => dns.cluster,
    clock,
    random,
    log: log.child('runtime'),
    lost: [lostAddresses(leasesDirOf(dataDir)), lostHostPorts],
  });
  await runtime.start();
  return runtime;
};

/** What runs commands in containers that run already. */
const startCommands = async ({ dataDir, containerd }: AgentConfig, runtime: CriRuntime, log: Log): Promise<Commands> => {
  const commands = new Commands({
    socket: containerd.socket,
    folder: join(dataDir, 'commands'),
    observe: (podUid) => runtime.observePod(podUid),
    nowMs: () => clock.nowMs(),
    random,
    log: log.child('commands'),
  });
  await commands.start();
  return commands;
};

/** The node's networks and its proxy for services, which begin when a controller, or what the last one said, tells of the cluster's. */
const startNetwork = (
  { nodeName, nodeAddress, dataDir, containerd }: AgentConfig,
  state: NetworkStateStore,
  health: () => Promise<{ readonly ready: boolean }>,
  onSetUp: (welcome: Welcome) => Promise<void>,
  log: Log,
) => {
  const services = new ServiceProxy({ nodeName, state, apply: applyRules, flows: presentFlows, forget: forgetFlows, clock, log: log.child('services') });
  const healthChecks = new HealthChecks({ nodeName, state, clock, log: log.child('health-checks') });
  const network = new NodeNetwork({
    nodeAddress,
    dataDir,
    cniConfigDir: containerd.cniConfigDir,
    state,
    ready: async () => (await health()).ready,
    onSetUp: (welcome) => {
      services.setUp(welcome);
      return onSetUp(welcome);
    },
    clock,
    log: log.child('network'),
  });
  return {
    welcomed: (welcome: Welcome): Promise<void> => network.welcomed(welcome),
    async close(): Promise<void> {
      services.close();
      healthChecks.close();
      await network.close();
    },
  };
};

/** Aborts when the agent may end: at once, or when its node is empty. */
const afterDrain = (drain: ShutdownDrain, { drainOnShutdown, drainTimeoutSeconds }: AgentConfig, log: Log, ending: AbortSignal): AbortSignal => {
  if (!drainOnShutdown) return ending;
  const end = new AbortController();
  const empty = async (): Promise<void> => {
    log.info('ending; the work moves first', { timeoutSeconds: drainTimeoutSeconds });
    const isEmpty = await drain.run(drainTimeoutSeconds * 1000, clock);
    log.info(isEmpty ? 'the node is empty' : 'the node is not empty, and the time is up');
    end.abort();
  };
  if (ending.aborted) void empty();
  else ending.addEventListener('abort', () => void empty(), { once: true });
  return end.signal;
};

const startNodeStatus = async ({ nodeName, nodeAddress, dataDir }: AgentConfig, runtime: ReturnType<typeof runtimeFacts>, log: Log): Promise<NodeStatusWatch> => {
  const node = new NodeStatusWatch({
    settings: { nodeName, addresses: [nodeAddress] },
    host: await readHostIdentity(),
    rootDir: dataDir,
    runtime,
    clock,
    log: log.child('node'),
  });
  await node.start();
  return node;
};

const run = async (config: AgentConfig, log: Log, ending: AbortSignal): Promise<void> => {
  const { nodeName, nodeAddress } = config;
  const identity = await identityOf(config);
  const objects = new NodeObjectStore();
  const network = new NetworkStateStore(nodeName);
  const events = new EventQueue();
  const reporter = new StatusReporter(clock, log.child('reports'));
  const drain = new ShutdownDrain();
  const dns = new NodeDns({ state: network, claim: claimDnsAddress, clock, random, log: log.child('dns') });
  const runtime = await startRuntime(config, objects, dns, log);
  const commands = await startCommands(config, runtime, log);
  const attachments = new Attachments({ call: (method, request) => runtime.call(method, request), observe: (podUid) => runtime.observePod(podUid), clock });
  const usage = new UsageMeter({ stats: async () => (await runtime.call('ListContainerStats', {})).stats, clock });
  const facts = runtimeFacts(runtime);
  const pods = new Pods({
    runtime,
    clock,
    random,
    log: log.child('pods'),
    hostIp: nodeAddress,
    nodeName,
    onReport: (report) => reporter.report(report),
    onEvent: (event) => events.add(event),
    onForgotten: (uid) => reporter.forget(uid),
  });
  objects.subscribe((kind, namespace, name) => pods.objectChanged(kind, namespace, name));
  await pods.start();
  const node = await startNodeStatus(config, facts, log);
  const onSetUp = async (welcome: Welcome): Promise<void> => {
    await dns.setUp(welcome);
    node.refresh();
  };
  const nodeNetwork = startNetwork(config, network, () => facts.health(), onSetUp, log);
  const certificate: CertificateRenewal = new CertificateRenewal({
    identity, nodeName, dir: identityDir(config), ask: (csrPem) => session.requestCertificate(csrPem), clock, log: log.child('certificate'),
  });
  const controllers = new KnownControllers(config.controllers, join(config.dataDir, 'controllers.json'), log.child('session'));
  const session = new Session({
    controllers,
    get identity() {
      return certificate.identity;
    },
    onCertificate: (certificatePem) => certificate.take(certificatePem),
    nodeName,
    agentVersion: kubeletVersion,
    node,
    pods,
    objects,
    network,
    reporter,
    events,
    tunnels: new TunnelAnswers({ logs: runtime, commands, attachments, usage }, log.child('tunnels')),
    drain,
    onWelcome: (welcome) => nodeNetwork.welcomed(welcome),
    clock,
    random,
    log: log.child('session'),
  });
  log.info('running', { node: nodeName, controllers: controllers.endpoints });
  const end = afterDrain(drain, config, log, ending);
  await Promise.all([session.run(end), certificate.run(end)]);
  log.info('ending; containers run on');
  dns.close();
  await nodeNetwork.close();
  for (const part of [node, pods, commands, runtime]) part.close();
};

const main = async (): Promise<void> => {
  // Everything is loaded by now: a run with --version also fills the cache of compiled code.
  if (process.argv.includes('--version')) {
    process.stdout.write(`agent ${kubeletVersion}\n`);
    return;
  }
  if (process.argv.includes('--help')) {
    process.stdout.write(describeConfig('agent', 'Makes its host run the pods that are bound to it.', agentConfig));
    return;
  }
  try {
    const config = readConfig(configFile(process.argv), agentConfig);
    await run({ ...config, drainOnShutdown: config.drainOnShutdown || process.argv.includes('--drain') }, createLog(config.logLevel), shutdownSignal());
    process.exit(0);
  } catch (error) {
    const told = error instanceof ConfigError || error instanceof JoinFailure;
    process.stderr.write(`agent: ${told ? error.message : (error as Error).stack}\n`);
    process.exit(1);
  }
};

await main();
