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

/** As the query of `…/pods/NAME/exec`. */
export interface CommandQuery extends OfContainer {
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export type TunnelRequest =
  | ({ readonly type: 'log' } & LogQuery)
  | ({ readonly type: 'exec' } & CommandQuery)
  /** Answered by one NodeUsage, as JSON. */
  | { readonly type: 'usage' };
