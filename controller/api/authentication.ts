/** Who asks: the client certificate of the connection, or what a further authenticator makes of the headers. */
import type { IncomingHttpHeaders } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { ApiError } from '../../proto/errors.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { User } from './verbs.ts';

/** A further way to prove who one is, such as bearer tokens. */
export interface Authenticator {
  /** Undefined when the headers say nothing that it knows. @throws ApiError Unauthorized */
  authenticate(headers: IncomingHttpHeaders): Promise<User | undefined> | User | undefined;
}

/** Who a certificate says it is, and until when. */
interface Certified {
  readonly user: User;
  readonly endMs: number;
}

const authenticatedGroup = 'system:authenticated';

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

const unauthorized = (): ApiError => new ApiError('Unauthorized', 'Unauthorized');

const texts = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());

export class Authentication {
  readonly #authenticators: readonly Authenticator[];
  readonly #clock: Clock;
  /** A connection's certificate does not change, so it is read once; but it may run out while the connection lasts. */
  readonly #users = new WeakMap<TLSSocket, Certified>();

  constructor(authenticators: readonly Authenticator[], clock: Clock) {
    this.#authenticators = authenticators;
    this.#clock = clock;
  }

  /**
   * The user; `anonymous` when nothing was shown.
   *
   * @throws ApiError Unauthorized when what was shown is not valid (foreign or expired certificate, unknown token)
   */
  async userOf(socket: TLSSocket, headers: IncomingHttpHeaders): Promise<User> {
    const certified = this.#users.get(socket) ?? this.#byCertificate(socket);
    if (certified && this.#clock.nowMs() > certified.endMs) throw unauthorized();
    if (certified) return certified.user;
    for (const authenticator of this.#authenticators) {
      const user = await authenticator.authenticate(headers);
      if (user) return user;
    }
    if (headers.authorization) throw unauthorized();
    return anonymous;
  }

  #byCertificate(socket: TLSSocket): Certified | undefined {
    const { subject, valid_to: end } = socket.getPeerCertificate();
    if (!subject) return undefined;
    const name = texts(subject.CN)[0];
    if (!socket.authorized || !name) throw unauthorized();
    const certified = { user: { name, groups: [...texts(subject.O), authenticatedGroup] }, endMs: Date.parse(end) };
    this.#users.set(socket, certified);
    return certified;
  }
}
