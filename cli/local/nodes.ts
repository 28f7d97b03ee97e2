/** The machines that the host plays: each a network namespace with a containerd and an agent in it. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../proto/client.ts';
import { ApiError } from '../../proto/errors.ts';
import { nodeKind } from '../../proto/kinds.ts';
import type { Node } from '../../proto/resources/kubernetes.ts';
import { createNodeNetwork, routePods } from './host-network.ts';
import { createToken } from './join-token.ts';
import { start } from './processes.ts';
import { until, type Waiting } from './readiness.ts';
import { nodeServices } from './services.ts';
import { type ClusterSettings, nodeName, paths } from './settings.ts';

export interface NodeContext extends Waiting {
  readonly settings: ClusterSettings;
  readonly client: Client;
  /** PEM; what a node that joins is told to trust. */
  readonly authority: string;
}

const isReady = (node: Node): boolean => node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

/** Starts what of the node does not run, and waits until it is ready. Resolves to whether anything had to be started. Throws NotReady, CommandFailed, the signal's reason. */
export const startNode = async (context: NodeContext, index: number): Promise<boolean> => {
  const { settings, client } = context;
  const name = nodeName(index);
  const folders = paths(settings.dataDir);
  await createNodeNetwork(settings, name, index);
  const files = nodeServices(settings, name, index);
  const startedRuntime = start(folders, files.containerd);
  if (!existsSync(files.certificateFile)) writeFileSync(files.tokenFile, await createToken(client, context.authority, context.clock), { mode: 0o600 });
  const startedAgent = start(folders, files.agent);
  let podCidr: string | undefined;
  await until(`node ${name}`, join(folders.logs, `${name}-agent.log`), context, async (signal) => {
    const node = await client.get<Node>(nodeKind, undefined, name, { signal }).catch((error: unknown) => {
      if (error instanceof ApiError || (signal.aborted && !context.signal.aborted)) return undefined;
      throw error;
    });
    podCidr = node?.spec?.podCIDR;
    return node !== undefined && podCidr !== undefined && isReady(node);
  });
  if (podCidr) await routePods(settings, podCidr, index);
  return startedRuntime || startedAgent;
};
