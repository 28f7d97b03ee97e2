/** Who asks: the client certificate of the connection, or what a further authenticator makes of the headers. */
import type { IncomingHttpHeaders } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { ApiError } from '../../proto/errors.ts';
import type { User } from './verbs.ts';

/** A further way to prove who one is, such as bearer tokens. */
export interface Authenticator {
  /** Undefined when the headers say nothing that it knows. @throws ApiError Unauthorized */
  authenticate(headers: IncomingHttpHeaders): Promise<User | undefined> | User | undefined;
}

const authenticatedGroup = 'system:authenticated';

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

const unauthorized = (): ApiError => new ApiError('Unauthorized', 'Unauthorized');

const texts = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());

export class Authentication {
  readonly #authenticators: readonly Authenticator[];
  /** A connection's certificate does not change, so it is read once. */
  readonly #users = new WeakMap<TLSSocket, User>();

  constructor(authenticators: readonly Authenticator[]) {
    this.#authenticators = authenticators;
  }

  /**
   * The user; `anonymous` when nothing was shown.
   *
   * @throws ApiError Unauthorized when what was shown is not valid (foreign or expired certificate, unknown token)
   */
  async userOf(socket: TLSSocket, headers: IncomingHttpHeaders): Promise<User> {
    const known = this.#users.get(socket) ?? this.#byCertificate(socket);
    if (known) return known;
    for (const authenticator of this.#authenticators) {
      const user = await authenticator.authenticate(headers);
      if (user) return user;
    }
    if (headers.authorization) throw unauthorized();
    return anonymous;
  }

  #byCertificate(socket: TLSSocket): User | undefined {
    const { subject } = socket.getPeerCertificate();
    if (!subject) return undefined;
    const name = texts(subject.CN)[0];
    if (!socket.authorized || !name) throw unauthorized();
    const user: User = { name, groups: [...texts(subject.O), authenticatedGroup] };
    this.#users.set(socket, user);
    return user;
  }
}
