/**
 * The sessions of this controller, one per node; a second one of the same node ends the first. Who may speak for a node
 * is decided by its certificate: system:node:NAME of system:nodes.
 */
import { status as grpcStatus } from '@grpc/grpc-js';
import type { ServerDuplexStream, ServerErrorResponse } from '@grpc/grpc-js';
import { isApiError } from '../../proto/errors.ts';
import type { AgentFrame, OpenTunnel } from '../../proto/node-service.ts';
import type { Timer } from '../../proto/process/clock.ts';
import { handOverMsMax, sessionSilenceMsMax } from '../limits.ts';
import { KvUnavailable } from '../store/kv.ts';
import type { Subscription } from '../store/reader.ts';
import { TooManyReports } from './reports.ts';
import { NodeSession, SessionEnded } from './session.ts';
import type { SessionParts, SessionStream } from './session.ts';

const nodeUserPrefix = 'system:node:';

/** The node that the call's certificate speaks for; undefined when it speaks for none. */
export const nodeOfCall = (call: Pick<ServerDuplexStream<unknown, unknown>, 'getAuthContext'>): string | undefined => {
  const subject = call.getAuthContext().sslPeerCertificate?.subject as { CN?: string; O?: string | string[] } | undefined;
  const organizations = [subject?.O ?? []].flat();
  if (!organizations.includes('system:nodes') || !subject?.CN?.startsWith(nodeUserPrefix)) return undefined;
  return subject.CN.slice(nodeUserPrefix.length);
};

/** How a call is told why it ends. */
export const refuse = (call: { emit(event: 'error', error: unknown): boolean }, code: grpcStatus, details: string): void => {
  call.emit('error', { code, details } satisfies Partial<ServerErrorResponse>);
};

const codeOf = (error: unknown): grpcStatus => {
  if (error instanceof KvUnavailable || error instanceof SessionEnded) return grpcStatus.UNAVAILABLE;
  if (error instanceof TooManyReports) return grpcStatus.RESOURCE_EXHAUSTED;
  if (error instanceof SyntaxError) return grpcStatus.INVALID_ARGUMENT;
  if (isApiError(error)) return error.code >= 500 || error.code === 429 ? grpcStatus.UNAVAILABLE : grpcStatus.FAILED_PRECONDITION;
  return grpcStatus.INTERNAL;
};

const detailsOf = (error: unknown): string =>
  codeOf(error) === grpcStatus.INTERNAL ? 'internal error' : (error as Error).message;

export class NodeSessions {
  readonly #parts: SessionParts;
  readonly #sessions = new Map<string, { readonly session: NodeSession; readonly fail: (error: Error) => void }>();
  readonly #silenceCheck: Timer;
  readonly #stillness: Subscription;
  /** Set while the agents move to other controllers: called when the last one is gone. */
  #onEmpty: (() => void) | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#silenceCheck = parts.clock.every(sessionSilenceMsMax / 3, () => {
      for (const { session, fail } of this.#sessions.values()) {
        if (session.silenceMs() > sessionSilenceMsMax) fail(new SessionEnded('the agent is silent'));
      }
    });
    // The agents have long gone to other controllers, which have later news than what waits here.
    this.#stillness = parts.stillness.subscribe(() => this.endAll('this controller stood still'));
  }

  get size(): number {
    return this.#sessions.size;
  }

  holds(nodeName: string): boolean {
    return this.#sessions.has(nodeName);
  }

  /** Asks the node's agent to open a tunnel; false when the node has no session here. */
  openTunnel(nodeName: string, openTunnel: OpenTunnel): boolean {
    const entry = this.#sessions.get(nodeName);
    entry?.session.openTunnel(openTunnel);
    return entry !== undefined;
  }

  close(): void {
    this.#silenceCheck.cancel();
    this.#stillness.close();
    this.endAll('the controller stops');
  }

  /** Asks all agents to move to another controller, and takes no new sessions. Resolves when they have gone, or time is over. */
  async handOver(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    for (const { session } of this.#sessions.values()) session.move();
    if (this.#sessions.size === 0) return;
    const late = this.#parts.clock.after(handOverMsMax, resolve);
    await promise;
    late.cancel();
  }

  /** The agents come again: with all that they know, for all that is wanted. */
  endAll(why: string): void {
    for (const { fail } of this.#sessions.values()) fail(new SessionEnded(why));
  }

  /** Handles one Session call for as long as it lasts. */
  accept(stream: SessionStream): void {
    const nodeName = nodeOfCall(stream);
    // An unhandled 'error' of a stream would end the process; the call's end is seen by 'close' and 'cancelled'.
    stream.on('error', () => undefined);
    if (nodeName === undefined) {
      refuse(stream, grpcStatus.PERMISSION_DENIED, 'the certificate is not that of a node');
      return;
    }
    if (this.#onEmpty) {
      refuse(stream, grpcStatus.UNAVAILABLE, 'the controller stops');
      return;
    }
    let session: NodeSession | undefined;
    const { stillness } = this.#parts;
    const bornAt = stillness.look();
    const end = (reason: string): void => {
      session?.end(reason);
      if (session && this.#sessions.get(nodeName)?.session === session) this.#sessions.delete(nodeName);
      if (this.#sessions.size === 0) this.#onEmpty?.();
    };
    let over = false;
    const fail = (error: unknown): void => {
      if (over) return;
      over = true;
      if (codeOf(error) === grpcStatus.INTERNAL) this.#parts.log.error('node session failed', { node: nodeName, error });
      refuse(stream, codeOf(error), detailsOf(error));
      end(detailsOf(error));
    };
    const take = (frame: AgentFrame): void => {
      if (session) {
        session.take(frame);
        return;
      }
      if (frame.frame !== 'hello') throw new SyntaxError('a session begins with Hello');
      // The others were asked to move before this one was there to be asked.
      if (this.#onEmpty) throw new SessionEnded('the controller stops');
      if (frame.hello.nodeName !== nodeName) {
        over = true;
        refuse(stream, grpcStatus.PERMISSION_DENIED, `the certificate is that of node ${nodeName}, not of ${frame.hello.nodeName}`);
        return;
      }
      session = new NodeSession(nodeName, stream, this.#parts, fail);
      this.#sessions.get(nodeName)?.fail(new SessionEnded('another session of the node took over'));
      this.#sessions.set(nodeName, { session, fail });
      session.start(frame.hello).catch(fail);
    };
    stream.on('data', (frame: AgentFrame) => {
      // What comes behind a refusal begins no session that nobody would end.
      if (over) return;
      try {
        if (stillness.look() !== bornAt) throw new SessionEnded('this controller stood still');
        take(frame);
      } catch (error) {
        fail(error);
      }
    });
    const gone = (reason: string): void => {
      // Whom nothing was heard of for so long has not ended just now.
      if (!over && session && this.#sessions.get(nodeName)?.session === session) session.agentEnded();
      end(reason);
    };
    stream.on('cancelled', () => gone('the connection is gone'));
    stream.on('end', () => {
      gone('the agent ended it');
      stream.end();
    });
  }
}
