/** Where agents dial in: gRPC over mutual TLS, the sessions, the tunnels and the leases behind it. */
import { Server } from '@grpc/grpc-js';
import { messageBytesMax, nodeService } from '../../proto/node-service.ts';
import type { ClusterNetwork } from '../../proto/node-service.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import type { Verbs } from '../api/verbs.ts';
import type { Recorder } from '../events/recorder.ts';
import { sessionKeepaliveMs, sessionKeepaliveTimeoutMs } from '../limits.ts';
import type { Listening } from '../listening.ts';
import type { Stillness } from '../stillness.ts';
import type { Kv, KvWatch } from '../store/kv.ts';
import type { Reader } from '../store/reader.ts';
import { Feed } from './feed.ts';
import type { NodeSigner } from './node-certificates.ts';
import type { Peers } from './peers.ts';
import type { SessionParts } from './session.ts';
import { NodeSessions } from './sessions.ts';
import { type ListenerTls, TlsListener } from './tls-listener.ts';
import { NodeTunnels } from './tunnel.ts';
import type { Tunnels } from './tunnels.ts';

export interface NodeServerOptions {
  readonly reader: Reader;
  readonly verbs: Verbs;
  readonly kv: Kv;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly tls: ListenerTls;
  readonly network: ClusterNetwork;
  /** Where agents dial in, at each controller: they are told. */
  readonly controllers?: SessionParts['controllers'];
  readonly stillness: Stillness;
  /** The way to the sessions of other controllers, and theirs to those here. */
  readonly peers?: Peers;
  readonly sign: NodeSigner;
}

export class NodeServer {
  readonly #listener: TlsListener;
  readonly #feed: Feed;
  readonly #sessions: NodeSessions;
  readonly #tunnels: NodeTunnels;
  readonly #restored: KvWatch;

  constructor(options: NodeServerOptions) {
    const { reader, verbs, kv, recorder, clock, random, network, controllers, stillness, peers, sign } = options;
    const log = options.log.child('nodes');
    this.#feed = new Feed(reader);
    this.#sessions = new NodeSessions({ reader, verbs, kv, recorder, feed: this.#feed, clock, log, network, ...(controllers ? { controllers } : {}), stillness, sign, peerAddress: () => peers?.address });
    // What agents have told since the snapshot is not in it.
    this.#restored = kv.restored(() => this.#sessions.endAll('etcd was restored'));
    this.#tunnels = new NodeTunnels({ sessions: this.#sessions, peers, clock, random });
    const server = new Server({
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.max_send_message_length': messageBytesMax,
      'grpc.keepalive_time_ms': sessionKeepaliveMs,
      'grpc.keepalive_timeout_ms': sessionKeepaliveTimeoutMs,
      'grpc.max_concurrent_streams': 1_000,
    });
    server.addService(nodeService, {
      session: (stream: Parameters<NodeSessions['accept']>[0]) => this.#sessions.accept(stream),
      tunnel: (stream: Parameters<NodeTunnels['accept']>[0]) => void this.#tunnels.accept(stream),
    });
    this.#listener = new TlsListener(server, options.tls);
  }

  /** For connections from now on; those that there are go on. */
  setTls(tls: ListenerTls): void {
    this.#listener.setTls(tls);
  }

  get tunnels(): Tunnels {
    return this.#tunnels;
  }

  /** Nodes whose sessions are here. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Resolves to the port. Rejects when it cannot be had. */
  listen(where: Listening): Promise<number> {
    return this.#listener.listen(where);
  }

  /** Accepts no more, and has the agents move to other controllers; resolves when they have, or had time enough. */
  handOver(): Promise<void> {
    this.#listener.stop();
    return this.#sessions.handOver();
  }

  /** Ends all sessions and stops listening. The nodes' leases go on by themselves, for the next controller. */
  close(): void {
    this.#listener.stop();
    this.#restored.close();
    this.#sessions.close();
    this.#feed.close();
    this.#listener.close();
  }
}
