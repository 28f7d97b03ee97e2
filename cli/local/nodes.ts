/** The machines that the host plays: each a network namespace with a containerd and an agent in it. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../proto/client.ts';
import { ApiError, isApiError } from '../../proto/errors.ts';
import { nodeKind, podKind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Node } from '../../proto/resources/kubernetes.ts';
import { podsOn } from '../drain.ts';
import { createToken } from '../join-token.ts';
import { cniConfigDir } from './containerd.ts';
import { createNodeNetwork, cutNode, removeNodeNetwork, routePods } from './host-network.ts';
import { clusterProcesses, kill, killUntilGone, start, stop, supervised } from './processes.ts';
import { until, type Waiting } from './readiness.ts';
import { containerProcesses, endContainers, nodeRemains, type Remains, removeCgroups, removeCniResults, removeShimSockets, shims, unmountAll } from './remains.ts';
import { nodeConfigFile, nodeProcesses, nodeServices } from './services.ts';
import { type ClusterSettings, nodeName, paths } from './settings.ts';

/** How long containers of a node that is removed have to end by themselves, and how long programs have. */
const containerGraceMs = 3_000;
const programGraceMs = 5_000;
const tokenLifetimeMs = 60 * 60_000;

export interface NodeContext extends Waiting {
  readonly settings: ClusterSettings;
  readonly client: Client;
  /** PEM; what a node that joins is told to trust. */
  readonly authority: string;
}

export const isReady = (node: Node): boolean => node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

/** Starts what of the node does not run, and waits until it is ready. Resolves to whether anything had to be started. Throws NotReady, CommandFailed, the signal's reason. */
export const startNode = async (context: NodeContext, index: number): Promise<boolean> => {
  const { settings, client } = context;
  const name = nodeName(index);
  const folders = paths(settings.dataDir);
  const networkFiles = cniConfigDir(folders.node(name));
  await createNodeNetwork(settings, name, index);
  const running = supervised(folders);
  // The agent writes these when a controller welcomes it. Until then the object's Ready may be of before the power went.
  if (!nodeProcesses(name).some((process) => running.includes(process))) rmSync(networkFiles, { recursive: true, force: true });
  const files = nodeServices(settings, name, index);
  const startedRuntime = start(folders, files.containerd);
  if (!existsSync(files.certificateFile)) {
    const token = { usages: ['agent'] as const, expiresMs: context.clock.nowMs() + tokenLifetimeMs, description: `for ${name}` };
    writeFileSync(files.tokenFile, await createToken(client, context.authority, token), { mode: 0o600 });
  }
  const startedAgent = start(folders, files.agent);
  let podCidr: string | undefined;
  await until(`node ${name}`, join(folders.logs, `${name}-agent.log`), context, async (signal) => {
    const node = await client.get<Node>(nodeKind, undefined, name, { signal }).catch((error: unknown) => {
      if (error instanceof ApiError || (signal.aborted && !context.signal.aborted)) return undefined;
      throw error;
    });
    podCidr = node?.spec?.podCIDR;
    return node !== undefined && podCidr !== undefined && isReady(node) && readdirSync(networkFiles).length > 0;
  });
  await routePods(settings, index, podCidr);
  return startedRuntime || startedAgent;
};

/** What the power takes with it: mounts, sockets, cgroups, network. Files in the node's own folder stay, as on a disk. */
const forgetState = async (settings: ClusterSettings, index: number, remains: Remains): Promise<void> => {
  removeCgroups(remains);
  await unmountAll(remains);
  removeShimSockets(remains);
  await removeNodeNetwork(settings, nodeName(index), index);
  for (const dir of remains.stateDirs) rmSync(dir, { recursive: true, force: true });
};

/**
 * Power off: the cable first, then every process at once, as nobody may get a word out. Nothing of it is written down: the
 * next `up` or `berth node start` finds what is missing.
 */
export const killNode = async (settings: ClusterSettings, index: number, clock: Clock): Promise<void> => {
  const folders = paths(settings.dataDir);
  const names = nodeProcesses(nodeName(index));
  const remains = nodeRemains(settings, nodeName(index));
  const programs = (): readonly number[] =>
    clusterProcesses(folders).filter(({ name }) => names.includes(name)).toSorted((a, b) => Number(b.isSupervisor) - Number(a.isSupervisor)).map(({ pid }) => pid);
  const all = (): readonly number[] => [...programs(), ...shims(remains), ...containerProcesses(remains)];
  await cutNode(settings, index);
  await kill(all(), clock);
  await killUntilGone(all, clock);
  for (const name of names) for (const suffix of ['pid', 'supervisor']) rmSync(join(folders.run, `${name}.${suffix}`), { force: true });
  await forgetState(settings, index, remains);
};

/** Stops the node and removes its object, the pods that were bound to it, and all of its files. Idempotent. */
export const removeNode = async ({ settings, client, clock }: NodeContext, index: number): Promise<void> => {
  const name = nodeName(index);
  const folders = paths(settings.dataDir);
  const remains = nodeRemains(settings, name);
  // The agent first, so that it neither starts anything again nor registers the node anew.
  for (const process of nodeProcesses(name)) await stop(folders, process, programGraceMs, clock);
  await endContainers(remains, containerGraceMs, clock);
  const absent = (error: unknown): void => {
    if (!isApiError(error, 'NotFound')) throw error;
  };
  await client.delete(nodeKind, undefined, name).catch(absent);
  // Nobody is left to say that they have ended.
  await Promise.all((await podsOn(client, name)).map(({ metadata }) =>
    client.delete(podKind, metadata.namespace, metadata.name ?? '', { query: { gracePeriodSeconds: 0 } }).catch(absent)));
  await routePods(settings, index);
  await forgetState(settings, index, remains);
  removeCniResults(remains);
  const logs = nodeProcesses(name).flatMap((process) => [`${process}.log`, `${process}.log.1`]).map((file) => join(folders.logs, file));
  for (const path of [folders.node(name), nodeConfigFile(settings, name), ...logs]) rmSync(path, { recursive: true, force: true });
};
