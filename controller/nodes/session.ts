/**
 * One agent's session, from Hello to its end:
 *
 *   Hello ──► lease held ──► node registered ──► pod network known ──► Welcome, complete state, changes …
 *                                                     reports, heartbeats, events ◄──┘
 *
 * Whatever goes wrong ends the session; the agent comes back with all that it knows.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { nodeKind } from '../../proto/kinds.ts';
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { AgentFrame, ClusterNetwork, ControllerFrame, EventReport, Hello, OpenTunnel, SerializedFrame } from '../../proto/node-service.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Node, NodeStatus, ObjectReference } from '../../proto/resources/kubernetes.ts';
import type { Verbs, WriteOptions } from '../api/verbs.ts';
import type { Recorder } from '../events/recorder.ts';
import { heartbeatPeriodMs, reportRetryMsMax, sessionEventsPerFrameMax } from '../limits.ts';
import type { ApiAddresses } from '../services/api-addresses.ts';
import type { Stillness } from '../stillness.ts';
import type { Kv } from '../store/kv.ts';
import type { Reader, Subscription } from '../store/reader.ts';
import type { Feed } from './feed.ts';
import { NodeLease } from './leases.ts';
import { NodeDrain, uncordoned } from './node-drain.ts';
import { Outbox } from './outbox.ts';
import type { NodeSigner } from './node-certificates.ts';
import { isPassing } from './passing-failure.ts';
import { registerNode, writeNodeStatus } from './registration.ts';
import { ReportWriter } from './reports.ts';

export type SessionStream = ServerDuplexStream<AgentFrame, ControllerFrame | SerializedFrame>;

export interface SessionParts {
  readonly reader: Reader;
  readonly verbs: Verbs;
  readonly kv: Kv;
  readonly recorder: Recorder;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly log: Log;
  readonly network: ClusterNetwork;
  /** Where agents dial in, at each controller. */
  readonly controllers?: Pick<ApiAddresses, 'addresses' | 'subscribe'>;
  readonly stillness: Stillness;
  /** Where other controllers ask this one. */
  readonly peerAddress?: () => string | undefined;
  readonly sign: NodeSigner;
}

export class SessionEnded extends Error {
  override readonly name = 'SessionEnded';
}

export class NodeSession {
  readonly nodeName: string;
  readonly #parts: SessionParts;
  readonly #options: WriteOptions;
  readonly #ended = new AbortController();
  readonly #outbox: Outbox;
  readonly #reports: ReportWriter;
  readonly #lease: NodeLease;
  #feed: Subscription | undefined;
  #controllers: Subscription | undefined;
  /** The last status that the agent reported, stored again when the node had been called dead meanwhile. */
  #status: NodeStatus = {};
  #statusDirty = false;
  #statusWriting = false;
  #heardMs: number;

  readonly #fail: (error: Error) => void;

  /** `fail` ends the call; `end` follows from it. */
  constructor(nodeName: string, stream: SessionStream, parts: SessionParts, fail: (error: Error) => void) {
    this.nodeName = nodeName;
    this.#fail = fail;
    this.#parts = parts;
    this.#options = { user: { name: `system:node:${nodeName}`, groups: ['system:nodes', 'system:authenticated'] }, fieldManager: 'berth-agent' };
    this.#outbox = new Outbox((frame) => this.#ended.signal.aborted || stream.write(frame));
    stream.on('drain', () => this.#outbox.drained());
    this.#reports = new ReportWriter({
      nodeName,
      verbs: parts.verbs,
      options: this.#options,
      clock: parts.clock,
      log: parts.log,
      ack: (uid, sequence) => this.#outbox.ack(uid, sequence),
      signal: this.#ended.signal,
    });
    this.#lease = new NodeLease(nodeName, parts, () => this.#writeStatus(), this.#ended.signal);
    this.#heardMs = parts.clock.monotonicMs();
  }

  /** Milliseconds since the agent was last heard. */
  silenceMs(): number {
    return this.#parts.clock.monotonicMs() - this.#heardMs;
  }

  /** Brings the session to where changes flow. Throws ApiError, KvUnavailable, or the reason of `end`. */
  async start(hello: Hello): Promise<void> {
    const node = JSON.parse(String(hello.node)) as Partial<Node>;
    this.#status = node.status ?? {};
    await this.#lease.hold();
    await registerNode(this.nodeName, node, this.#writing());
    if (this.#ended.signal.aborted) return;
    if (!hello.isEnding) await this.#parts.verbs.modify<Node>(nodeKind, this.nodeName, uncordoned, this.#options);
    // Somebody deletes the node while its agent runs: the agent's next session makes it again.
    const onDeleted = (): void => this.#fail(new SessionEnded('the node was deleted'));
    const registered = await this.#parts.feed.node(this.nodeName, ({ spec }) => spec?.podCIDR !== undefined, onDeleted, this.#ended.signal);
    await this.#parts.reader.current();
    if (this.#ended.signal.aborted) return;
    if (!this.#parts.reader.get(nodeKind, this.nodeName)) return onDeleted();
    this.#outbox.put({
      frame: 'welcome',
      welcome: { ...this.#parts.network, podCidr: registered.spec?.podCIDR ?? '', heartbeatPeriodMs },
    });
    const { controllers } = this.#parts;
    const tell = (): void => this.#outbox.put({ frame: 'controllers', controllers: { addresses: controllers?.addresses ?? [] } });
    this.#controllers = controllers?.subscribe(tell);
    if (controllers) tell();
    this.#feed = this.#parts.feed.open(this.nodeName, this.#outbox, onDeleted);
    this.#parts.log.info('node session started', { node: this.nodeName, agent: hello.agentVersion });
  }

  /** A frame after Hello. Throws TooManyReports, SyntaxError. */
  take(frame: AgentFrame): void {
    if (this.#ended.signal.aborted) return;
    this.#heardMs = this.#parts.clock.monotonicMs();
    this.#lease.beat();
    if (this.#isTakenForDead()) this.#writeStatus();
    if (frame.frame === 'pods') for (const report of frame.pods.reports) this.#reports.take(report);
    else if (frame.frame === 'node') {
      this.#status = JSON.parse(String(frame.node.status)) as NodeStatus;
      this.#writeStatus();
    } else if (frame.frame === 'certificateRequest') void this.#certify(frame.certificateRequest.csrPem);
    else if (frame.frame === 'drain') this.#drain();
    else if (frame.frame === 'events') {
      for (const event of frame.events.reports.slice(0, sessionEventsPerFrameMax)) this.#record(event);
    }
  }

  /**
   * The node loop may write that the node is Unknown in the moment in which its lease is back, and after what that made us write. So each
   * sign of life is compared with what the cache shows.
   */
  #isTakenForDead(): boolean {
    if (!this.#lease.isHeld) return false;
    const node = this.#parts.reader.get<Node>(nodeKind, this.nodeName)?.object;
    return conditionOf(node?.status, 'Ready')?.status === 'Unknown';
  }

  /** The agent's program has ended by itself; see NodeLease. Never fails: at worst the lease runs out. */
  agentEnded(): void {
    this.#lease.linger().catch((error: unknown) => this.#parts.log.warn('the node’s lease does not linger', { node: this.nodeName, error }));
  }

  /** Asks the agent to go to another controller; it ends this session when it is there. */
  move(): void {
    this.#outbox.put({ frame: 'move', move: {} });
  }

  /** For this node and no other. A request that cannot be signed is asked again by the agent, sooner or later. */
  async #certify(csrPem: string): Promise<void> {
    const { sign, log } = this.#parts;
    try {
      const certificatePem = await sign(this.nodeName, csrPem);
      this.#outbox.put({ frame: 'certificate', certificate: { certificatePem } });
      log.info('certificate renewed', { node: this.nodeName });
    } catch (error) {
      log.warn('certificate request refused', { node: this.nodeName, error });
    }
  }

  openTunnel(openTunnel: OpenTunnel): void {
    this.#outbox.put({ frame: 'openTunnel', openTunnel });
  }

  /** The agent bounds it: it ends when it has waited for long enough. */
  #drain(): void {
    const { log, reader, verbs, clock } = this.#parts;
    log.info('the agent is about to end: its pods go elsewhere', { node: this.nodeName });
    new NodeDrain(this.nodeName, { reader, verbs, clock, options: this.#options }).run(this.#ended.signal).then(
      () => this.#outbox.put({ frame: 'drained', drained: {} }),
      (error: unknown) => {
        if (!this.#ended.signal.aborted) log.warn('the node was not drained', { node: this.nodeName, error });
      },
    );
  }

  end(reason: string): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(new SessionEnded(reason));
    this.#feed?.close();
    this.#controllers?.close();
    this.#parts.log.info('node session ended', { node: this.nodeName, reason });
  }

  #writing(): Parameters<typeof registerNode>[2] {
    const { reader, verbs, clock } = this.#parts;
    return { reader, verbs, options: this.#options, nowMs: () => clock.nowMs(), over: this.#ended.signal };
  }

  /** Writes the latest status, one write at a time, until it is stored. */
  #writeStatus(): void {
    this.#statusDirty = true;
    if (!this.#statusWriting) void this.#writeStatusWhileDirty();
  }

  async #writeStatusWhileDirty(): Promise<void> {
    const { clock, log } = this.#parts;
    this.#statusWriting = true;
    while (this.#statusDirty && !this.#ended.signal.aborted) {
      this.#statusDirty = false;
      try {
        await writeNodeStatus(this.nodeName, this.#status, this.#writing());
      } catch (error) {
        if (!isPassing(error)) {
          log.warn('node status refused', { node: this.nodeName, error });
          continue;
        }
        this.#statusDirty = true;
        await clock.sleep(reportRetryMsMax, this.#ended.signal).catch(() => undefined);
      }
    }
    this.#statusWriting = false;
  }

  #record({ about, type, reason, message }: EventReport): void {
    const reference = JSON.parse(String(about)) as ObjectReference;
    const ownNode = reference.kind === nodeKind.kind && reference.name === this.nodeName;
    if (reference.kind !== 'Pod' && !ownNode) return;
    const source = { component: 'berth-agent', host: this.nodeName };
    this.#parts.recorder.record(reference, type === 'Warning' ? 'Warning' : 'Normal', reason, message, source);
  }
}
