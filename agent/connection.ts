/**
 * One connection to one controller: what goes up and down from Hello on, in the order that node.proto demands.
 *
 * Up, as the stream takes it: node status, pod reports, events; a heartbeat when there is room. Down, one frame after the
 * other: Welcome may have to wait for the pod network.
 */
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { Client, connectivityState, credentials } from '@grpc/grpc-js';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { messageBytesMax, nodeService, toJsonBytes } from '../proto/node-service.ts';
import type { AgentFrame, ControllerFrame, PodChanges, Welcome } from '../proto/node-service.ts';
import type { Clock, Timer } from '../proto/process/clock.ts';
import type { Log } from '../proto/process/log.ts';
import type { Pod } from '../proto/resources/kubernetes.ts';
import type { EventQueue } from './event-queue.ts';
import type { Identity } from './identity.ts';
import { connectTimeoutMs, defaultHeartbeatPeriodMs, keepaliveMs, keepaliveTimeoutMs } from './limits.ts';
import type { NetworkStateStore } from './network/network-state.ts';
import type { NodeObjectStore } from './node-objects.ts';
import type { NodeStatusSource } from './node-status.ts';
import type { PodSink } from './pods/pods.ts';
import type { ShutdownDrain } from './shutdown-drain.ts';
import type { StatusReporter } from './status-reporter.ts';
import type { TunnelAnswers } from './tunnel.ts';

type SessionStream = ClientDuplexStream<AgentFrame, ControllerFrame>;

/** Where controllers are, as `host:port` of their node ports. */
export interface Controllers {
  /** Tried in turn; at least one. */
  readonly endpoints: readonly string[];
  /** Tried as well when none of those was there for a round. */
  readonly spareEndpoints: readonly string[];
  /** Called with those that serve, whenever that changes. */
  told(addresses: readonly string[]): void;
}

export interface ConnectionOptions {
  readonly controllers: Controllers;
  /** Read anew for each connection: certificates are replaced while the agent runs. */
  readonly identity: Identity;
  readonly nodeName: string;
  readonly agentVersion: string;
  readonly node: NodeStatusSource;
  readonly pods: PodSink;
  readonly objects: NodeObjectStore;
  readonly network: NetworkStateStore;
  readonly reporter: StatusReporter;
  readonly events: EventQueue;
  readonly tunnels: TunnelAnswers;
  readonly drain: ShutdownDrain;
  /** Called with every Welcome, before its pods: the pod network must be set up before the first pod. */
  readonly onWelcome: (welcome: Welcome) => void | Promise<void>;
  /** Called with the answer to `requestCertificate`. */
  readonly onCertificate?: (certificatePem: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

const clientOptions = {
  'grpc.max_receive_message_length': messageBytesMax,
  'grpc.max_send_message_length': messageBytesMax,
  'grpc.keepalive_time_ms': keepaliveMs,
  'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
  'grpc.enable_retries': 0,
  // Each attempt dials anew: the waiting between attempts is this file's.
  'grpc.use_local_subchannel_pool': 1,
};

/** The host of `host:port` or `[address]:port`. */
const hostOf = (endpoint: string): string => endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[|\]$/g, '');

/** What the session hears of a connection. */
export interface ConnectionEvents {
  /** From here on this connection alone speaks for the node: called before anything that it names is taken. */
  readonly onWelcomed: () => void;
}

/** One connection, from dialling to its end. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #client: Client;
  readonly #ended = new AbortController();
  #stream: SessionStream | undefined;
  #heartbeat: Timer | undefined;
  #writable = true;
  #scheduled = false;
  #nodeDirty = false;
  #drainAsked = false;
  /** Frames are taken one after the other, since Welcome may have to wait for the network. */
  #taking: Promise<void> = Promise.resolve();
  /** Pods that have been named, until they are complete; undefined after. */
  #named: Pod[] | undefined = [];
  welcomed = false;
  readonly #moving = Promise.withResolvers<void>();
  readonly #events: ConnectionEvents;

  constructor(endpoint: string, options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    const { caPem, certPem, keyPem } = options.identity;
    const host = hostOf(endpoint);
    const secure = credentials.createSsl(Buffer.from(caPem), Buffer.from(keyPem), Buffer.from(certPem), {
      checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    });
    // TLS has no server name for an address (RFC 6066), and Node will refuse one: it gets a name that nobody looks at, while
    // the certificate is checked against the address.
    const named = isIP(host) === 0 ? {} : { 'grpc.ssl_target_name_override': 'berth-controller' };
    this.#client = new Client(endpoint, secure, { ...clientOptions, ...named });
  }

  /** Resolves to why the connection ended. */
  async run(signal: AbortSignal): Promise<string> {
    const { clock } = this.#options;
    const dialling = clock.after(connectTimeoutMs, () => {
      if (this.#client.getChannel().getConnectivityState(false) !== connectivityState.READY) this.#stream?.cancel();
    });
    try {
      return await this.#converse(signal);
    } finally {
      dialling.cancel();
      this.#heartbeat?.cancel();
      this.#ended.abort();
      this.#client.close();
    }
  }

  /** Resolves when the controller asks the agent to go elsewhere. */
  get moving(): Promise<void> {
    return this.#moving.promise;
  }

  get isOver(): boolean {
    return this.#ended.signal.aborted;
  }

  /** Another connection speaks for the node: nothing of this one is taken any more. */
  retire(): void {
    this.#ended.abort();
    this.#stream?.cancel();
  }

  /** There is something to send. What comes up in one tick goes out together. */
  ready(): void {
    if (this.#scheduled || this.#ended.signal.aborted) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  requestCertificate(csrPem: string): void {
    if (this.welcomed && !this.#ended.signal.aborted) this.#write({ frame: 'certificateRequest', certificateRequest: { csrPem } });
  }

  nodeChanged(): void {
    this.#nodeDirty = true;
    this.ready();
  }

  /** The call itself fails when the endpoint cannot be reached or does not prove who it is. */
  #converse(signal: AbortSignal): Promise<string> {
    const { path, requestSerialize, responseDeserialize } = nodeService.session;
    const { node, nodeName, agentVersion, clock, drain } = this.#options;
    const stream: SessionStream = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#stream = stream;
    return new Promise((resolve) => {
      const onAbort = (): void => stream.cancel();
      signal.addEventListener('abort', onAbort, { once: true });
      stream.on('error', () => undefined);
      stream.on('status', ({ code, details }: { code: number; details: string }) => {
        signal.removeEventListener('abort', onAbort);
        resolve(`${code} ${details}`);
      });
      stream.on('drain', () => {
        this.#writable = true;
        this.#flush();
      });
      stream.on('data', (frame: ControllerFrame) => {
        this.#taking = this.#taking.then(() => this.#take(frame)).catch((error: unknown) => {
          this.#options.log.error('a frame of the controller could not be taken', { frame: frame.frame, error });
          stream.cancel();
        });
      });
      stream.write({ frame: 'hello', hello: { nodeName, agentVersion, node: toJsonBytes(node.node()), isEnding: drain.isWanted } });
      this.#beat(defaultHeartbeatPeriodMs, clock);
    });
  }

  #beat(periodMs: number, clock: Clock): void {
    this.#heartbeat?.cancel();
    this.#heartbeat = clock.every(periodMs, () => {
      // A stream that is full has something better to say.
      if (this.#writable) this.#write({ frame: 'heartbeat', heartbeat: {} });
    });
  }

  async #take(frame: ControllerFrame): Promise<void> {
    const { objects, network, reporter, tunnels, clock, drain, onWelcome } = this.#options;
    if (this.#ended.signal.aborted) return;
    if (frame.frame === 'welcome') {
      await onWelcome(frame.welcome);
      if (this.isOver) return;
      this.welcomed = true;
      this.#events.onWelcomed();
      reporter.begin();
      objects.begin();
      network.begin();
      if (frame.welcome.heartbeatPeriodMs > 0) this.#beat(frame.welcome.heartbeatPeriodMs, clock);
      this.#flush();
    } else if (frame.frame === 'objects') objects.take(frame.objects);
    else if (frame.frame === 'network') network.take(frame.network);
    else if (frame.frame === 'pods') this.#takePods(frame.pods);
    else if (frame.frame === 'certificate') await this.#options.onCertificate?.(frame.certificate.certificatePem);
    else if (frame.frame === 'acks') reporter.acknowledged(frame.acks.acks);
    else if (frame.frame === 'drained') drain.confirm();
    else if (frame.frame === 'controllers') this.#options.controllers.told(frame.controllers.addresses);
    else if (frame.frame === 'move') this.#moving.resolve();
    else if (frame.frame === 'openTunnel') void tunnels.answer(this.#client, frame.openTunnel, this.#ended.signal);
  }

  #takePods({ pods, removedUids, complete }: PodChanges): void {
    const sink = this.#options.pods;
    const parsed = pods.map((bytes) => JSON.parse(String(bytes)) as Pod);
    if (this.#named === undefined) {
      for (const uid of removedUids) sink.remove(uid);
      for (const pod of parsed) sink.upsert(pod);
      return;
    }
    const removed = new Set(removedUids);
    this.#named = [...this.#named.filter(({ metadata }) => !removed.has(metadata.uid ?? '')), ...parsed];
    if (!complete) return;
    const latest = new Map(this.#named.map((pod) => [pod.metadata.uid, pod]));
    this.#named = undefined;
    sink.replace([...latest.values()]);
  }

  /** Before Welcome only Hello goes out: the controller may still be finding out who this is. */
  #flush(): void {
    const { node, reporter, events, drain } = this.#options;
    while (this.welcomed && this.#writable && !this.#ended.signal.aborted) {
      if (drain.isWanted && !this.#drainAsked) {
        this.#drainAsked = true;
        this.#write({ frame: 'drain', drain: {} });
        continue;
      }
      if (this.#nodeDirty) {
        this.#nodeDirty = false;
        this.#write({ frame: 'node', node: { status: toJsonBytes(node.node().status) } });
        continue;
      }
      const reports = reporter.take();
      if (reports.length > 0) {
        this.#write({ frame: 'pods', pods: { reports } });
        continue;
      }
      const eventReports = events.take();
      if (eventReports.length === 0) return;
      this.#write({ frame: 'events', events: { reports: eventReports } });
    }
  }

  #write(frame: AgentFrame): void {
    if (this.#stream) this.#writable = this.#stream.write(frame);
  }
}
