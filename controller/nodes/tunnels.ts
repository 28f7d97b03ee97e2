/** Streams through a node's session: what people ask of a running container. */
import type { TunnelFrame } from '../../proto/node-service.ts';
import type { NodeUsage } from '../../proto/node-usage.ts';
import type { ConversationRequest, LogQuery } from '../../proto/tunnel-requests.ts';

/** A request with the node that it goes to. */
export type OnNode<Query> = Query & { readonly nodeName: string };
export type LogRequest = OnNode<LogQuery>;

/** What is sent to a command, to a container itself, or on a connection into a pod's network; and what comes of it. */
export type ExecInput = Extract<TunnelFrame, { frame: 'data' | 'stdinEnd' | 'resize' }>;
export type ExecOutput = Extract<TunnelFrame, { frame: 'data' | 'stderr' | 'exit' | 'taken' }>;

export interface ExecStream {
  /** Of data, no more than stdinWindowBytes may be sent that was not taken yet. */
  readonly send: (input: ExecInput) => void;
  /** Read as fast as the client takes it; ends after the exit code. Throws ApiError when the node breaks off. */
  readonly output: AsyncIterable<ExecOutput>;
}

export interface Tunnels {
  /** Whether the node's session is with this controller. */
  holds(nodeName: string): boolean;
  /** What the node and its containers use. Throws ApiError as `log` does. */
  usage(nodeName: string, signal: AbortSignal): Promise<NodeUsage>;
  /**
   * The log's bytes as they come. Resolves when the node has found the log, so that a failure still becomes a Status:
   * throws ApiError BadRequest (no such container, nothing previous), ServiceUnavailable (node not connected).
   */
  log(request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** Resolves when the command runs, or the connection is there; throws ApiError as `log` does. Ended, a command killed, when `signal` aborts. */
  converse(request: OnNode<ConversationRequest>, signal: AbortSignal): Promise<ExecStream>;
}
