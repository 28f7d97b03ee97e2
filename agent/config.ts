/** The agent's configuration file. */
import { address, count, flag, listOf, oneOf, optional, type Rule, shape, text } from '../proto/process/config.ts';

export interface AgentConfig {
  readonly nodeName: string;
  /** The node's address for others, e.g. 10.89.0.11. */
  readonly nodeAddress: string;
  /** Identity, volumes, logs of this node. */
  readonly dataDir: string;
  /** Controllers to dial, `host:port`; tried in turn. */
  readonly controllers: readonly string[];
  /** How a node that has no certificate yet gets one. */
  readonly join: { readonly url: string; readonly tokenFile: string };
  readonly containerd: { readonly socket: string; readonly cniConfigDir: string };
  /** Cgroup below which pods get theirs. */
  readonly cgroupParent: string;
  /** Whether the node is emptied before the agent ends, as with the flag `--drain`, and how long that may take. */
  readonly drainOnShutdown: boolean;
  readonly drainTimeoutSeconds: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export const agentConfig: Rule<AgentConfig> = shape<AgentConfig>({
  nodeName: text,
  nodeAddress: text,
  dataDir: text,
  controllers: listOf(address),
  join: shape({ url: text, tokenFile: text }),
  containerd: shape({ socket: text, cniConfigDir: text }),
  cgroupParent: optional(text, '/berth'),
  drainOnShutdown: optional(flag, false),
  drainTimeoutSeconds: optional(count, 60),
  logLevel: optional(oneOf('debug', 'info', 'warn', 'error'), 'info'),
});
