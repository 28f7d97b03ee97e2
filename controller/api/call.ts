/** One request for a resource, as the handlers of the verbs see it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../proto/process/clock.ts';
import type { Random } from '../../proto/process/random.ts';
import type { Tunnels } from '../nodes/tunnels.ts';
import type { Reader } from '../store/reader.ts';
import type { Stored } from '../store/stored.ts';
import { type Answer, send, setWarnings } from './answer.ts';
import type { Api } from './api.ts';
import type { DecodedBody } from './body.ts';
import { negotiateForm } from './negotiation.ts';
import type { ResourceTarget } from './paths.ts';
import { choiceParameter, type Query } from './query.ts';
import { type Rendering, renderingFor } from './rendering.ts';
import type { Requester } from './request-options.ts';

/** A connection whose client wants to go on in another protocol. */
export interface Upgrade {
  readonly socket: Duplex;
  /** What has come of that protocol already. */
  readonly head: Buffer;
}

export interface Call extends Requester {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: ResourceTarget;
  readonly query: Query;
  readonly upgrade: Upgrade | undefined;
  /** Reads and decodes the body. @throws ApiError */
  readonly body: () => Promise<DecodedBody>;
  /** Registers what ends a lasting answer when the server closes; returns how to take that back. */
  readonly onServerClose: (end: () => void) => () => void;
}

export interface Backend {
  readonly api: Api;
  readonly reader: Reader;
  readonly tunnels: Tunnels;
  readonly clock: Clock;
  readonly random: Random;
}

/** In which form the client wants objects of the target's kind. @throws ApiError NotAcceptable, BadRequest */
export const renderingOf = (call: Call, clock: Clock): Rendering => {
  const include = choiceParameter(call.query, 'includeObject', ['Metadata', 'Object', 'None']) ?? 'Metadata';
  return renderingFor(negotiateForm(call.headers.accept), call.target.kind, include, () => clock.nowMs());
};

export const answer = (call: Call, reply: Answer): Promise<void> => {
  setWarnings(call.response, call.warnings);
  return send(call.request, call.response, reply);
};

export const answerWith = (call: Call, status: number, rendering: Rendering, stored: Stored): Promise<void> =>
  answer(call, { status, body: rendering.one(stored) });
