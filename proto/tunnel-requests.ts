/** What a controller asks of a node's agent by OpenTunnel (proto/node.proto): the JSON of its `request`. */

interface OfContainer {
  readonly podName: string;
  readonly podUid: string;
  readonly container: string;
}

/** As the query of `GET …/pods/NAME/log`. */
export interface LogQuery extends OfContainer {
  readonly namespace: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  readonly limitBytes?: number;
}

/** As the query of `…/pods/NAME/attach`: the container's own input and outputs. */
export interface AttachQuery extends OfContainer {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** For attaching, as the container has it. */
  readonly tty: boolean;
}

/** As the query of `…/pods/NAME/exec`. */
export interface CommandQuery extends AttachQuery {
  readonly command: readonly string[];
}

/** As `…/pods/NAME/portforward`: the bytes of a SPDY/3.1 connection, as it is. */
export type PortForwardQuery = Pick<OfContainer, 'podName' | 'podUid'>;

/** What is talked with, both ways. */
export type ConversationRequest =
  | ({ readonly type: 'exec' } & CommandQuery)
  | ({ readonly type: 'attach' } & AttachQuery)
  | ({ readonly type: 'portForward' } & PortForwardQuery);

export type TunnelRequest =
  | ({ readonly type: 'log' } & LogQuery)
  | ConversationRequest
  /** Answered by one NodeUsage, as JSON. */
  | { readonly type: 'usage' };
