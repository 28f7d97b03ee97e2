/** Streams through a node's session: what people ask of a running container. Only logs today; exec and port-forward come over the same frames. */

/** As the query of `GET …/pods/NAME/log`. */
export interface LogRequest {
  readonly nodeName: string;
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  readonly limitBytes?: number;
}

export interface Tunnels {
  /**
   * The log's bytes as they come. Resolves when the node has found the log, so that a failure still becomes a Status:
   * throws ApiError BadRequest (no such container, nothing previous), ServiceUnavailable (node not connected).
   */
  log(request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
}
