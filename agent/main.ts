/**
 * The agent: makes its host run the pods bound to it. Joins the cluster if it has no certificate, then keeps a session
 * with a controller. Everything is made and wired here.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentConfig, agentConfig } from './config.ts';
import { EventQueue } from './event-queue.ts';
import { readHostIdentity } from './host-facts.ts';
import { ensureIdentity, JoinFailure } from './identity.ts';
import { networkReadyPollMs, networkReadyTimeoutMs } from './limits.ts';
import { applyRules, masqueradeRules } from './network/masquerade.ts';
import { networkList, uplinkMtu, writeNetworkList } from './network/cni.ts';
import { NodeObjectStore } from './node-objects.ts';
import { kubeletVersion, NodeStatusWatch, type RuntimeFacts } from './node-status.ts';
import { Pods } from './pods/pods.ts';
import { runtimeFacts } from './runtime-facts.ts';
import { Commands } from './runtime/commands.ts';
import { CriRuntime } from './runtime/cri-runtime.ts';
import { Session } from './session.ts';
import { StatusReporter } from './status-reporter.ts';
import { TunnelAnswers } from './tunnel.ts';
import { systemClock as clock } from '../proto/process/clock.ts';
import { configFile, ConfigError, readConfig } from '../proto/process/config.ts';
import { createLog, type Log } from '../proto/process/log.ts';
import { systemRandom as random } from '../proto/process/random.ts';
import { shutdownSignal } from '../proto/process/shutdown.ts';

/** Sets the pod network up and waits until the runtime has taken it: containerd reads the file when it sees it. */
const setUpNetwork = async (config: AgentConfig, podCidr: string, facts: RuntimeFacts): Promise<void> => {
  await applyRules(masqueradeRules(podCidr));
  const leasesDir = join(config.dataDir, 'cni-leases');
  const list = networkList(podCidr, await uplinkMtu(config.nodeAddress), leasesDir);
  if (!(await writeNetworkList(config.containerd.cniConfigDir, list))) return;
  const deadlineMs = clock.monotonicMs() + networkReadyTimeoutMs;
  while (!(await facts.health()).ready && clock.monotonicMs() < deadlineMs) await clock.sleep(networkReadyPollMs);
};

const identityOf = async ({ dataDir, join: { url, tokenFile }, nodeName }: AgentConfig) => {
  const token = existsSync(tokenFile) ? readFileSync(tokenFile, 'utf8').trim() : undefined;
  const identity = await ensureIdentity({ dir: join(dataDir, 'identity'), controllerUrl: url, nodeName, clock, ...(token ? { token } : {}) });
  // It has done its work; what lies about can be stolen.
  rmSync(tokenFile, { force: true });
  return identity;
};

const run = async (config: AgentConfig, log: Log, ending: AbortSignal): Promise<void> => {
  const { nodeName, nodeAddress, dataDir, containerd, cgroupParent } = config;
  const identity = await identityOf(config);
  const objects = new NodeObjectStore();
  const events = new EventQueue();
  const reporter = new StatusReporter(clock, log.child('reports'));
  const runtime = new CriRuntime({
    socket: containerd.socket,
    rootDir: dataDir,
    nodeName,
    hostIp: nodeAddress,
    cgroupParent,
    objects,
    clock,
    random,
    log: log.child('runtime'),
  });
  await runtime.start();
  const commands = new Commands({
    socket: containerd.socket,
    folder: join(dataDir, 'commands'),
    observe: (podUid) => runtime.observePod(podUid),
    nowMs: () => clock.nowMs(),
    random,
    log: log.child('commands'),
  });
  await commands.start();
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
  });
  objects.subscribe((kind, namespace, name) => pods.objectChanged(kind, namespace, name));
  await pods.start();
  const node = new NodeStatusWatch({
    settings: { nodeName, addresses: [nodeAddress] },
    host: await readHostIdentity(),
    rootDir: dataDir,
    runtime: facts,
    clock,
    log: log.child('node'),
  });
  await node.start();
  const session = new Session({
    endpoints: config.controllers,
    identity,
    nodeName,
    agentVersion: kubeletVersion,
    node,
    pods,
    objects,
    reporter,
    events,
    tunnels: new TunnelAnswers(runtime, commands, log.child('tunnels')),
    onWelcome: async ({ podCidr }) => {
      await setUpNetwork(config, podCidr, facts);
      node.refresh();
    },
    clock,
    random,
    log: log.child('session'),
  });
  log.info('running', { node: nodeName, controllers: config.controllers });
  await session.run(ending);
  log.info('ending; containers run on');
  node.close();
  pods.close();
  commands.close();
  runtime.close();
};

const main = async (): Promise<void> => {
  // Everything is loaded by now: a run with --version also fills the cache of compiled code.
  if (process.argv.includes('--version')) {
    process.stdout.write(`agent ${kubeletVersion}\n`);
    return;
  }
  try {
    const config = readConfig(configFile(process.argv), agentConfig);
    await run(config, createLog(config.logLevel), shutdownSignal());
    process.exit(0);
  } catch (error) {
    const told = error instanceof ConfigError || error instanceof JoinFailure;
    process.stderr.write(`agent: ${told ? error.message : (error as Error).stack}\n`);
    process.exit(1);
  }
};

await main();
