/** The agent's configuration file. */
import { about, address, count, flag, listOf, oneOf, oneOrMore, optional, type Rule, shape, text, url } from '../proto/process/config.ts';

export interface AgentConfig {
  readonly nodeName: string;
  /** The node's address for others, e.g. 10.89.0.11. */
  readonly nodeAddress: string;
  /** Identity, volumes, logs of this node. */
  readonly dataDir: string;
  /** Controllers to dial, `host:port`; tried in turn. */
  readonly controllers: readonly string[];
  /** How a node that has no certificate yet gets one. */
  readonly join: { readonly url: readonly string[]; readonly tokenFile: string };
  readonly containerd: { readonly socket: string; readonly cniConfigDir: string };
  /** Cgroup below which pods get theirs. */
  readonly cgroupParent: string;
  /** Whether the node is emptied before the agent ends, as with the flag `--drain`, and how long that may take. */
  readonly drainOnShutdown: boolean;
  readonly drainTimeoutSeconds: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export const agentConfig: Rule<AgentConfig> = shape<AgentConfig>({
  nodeName: about('the Node that this host is', text),
  nodeAddress: about('the host’s address for other nodes', text),
  dataDir: about('identity, volumes and logs of this node', text),
  controllers: about('nodes’ ports of the controllers; tried in turn', listOf(address)),
  join: about('how a node that has no certificate yet gets one', shape<AgentConfig['join']>({
    url: about('the controllers’ API; those that are away are passed over', oneOrMore(url)),
    tokenFile: about('holds a token of "berth token create"; removed once the node has joined', text),
  })),
  containerd: shape<AgentConfig['containerd']>({ socket: text, cniConfigDir: about('where containerd looks for the pod network’s configuration', text) }),
  cgroupParent: about('the cgroup below which pods get theirs', optional(text, '/berth')),
  drainOnShutdown: about('whether the node is emptied before the agent ends, as with --drain', optional(flag, false)),
  drainTimeoutSeconds: about('how long that may take', optional(count, 60)),
  logLevel: optional(oneOf('debug', 'info', 'warn', 'error'), 'info'),
});
