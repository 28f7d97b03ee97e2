/**
 * From the bytes of a question to the bytes of its answer: the cluster's own names at once, others from the cache or by asking.
 *
 *     query ──► cluster zone ──► answer
 *                 │ elsewhere, or an alias for what is
 *                 └──► cache ──► questions on their way ──► upstream
 */
import type { Answer } from 'dns-packet';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { dnsLimits } from '../limits.ts';
import type { AnswerCache } from './answer-cache.ts';
import type { ClusterZone } from './cluster-zone.ts';
import { NoAnswer } from './exchange.ts';
import { type AskOptions, answersOf, askOptions, emptyReply, encodeReply, type Query, questionKey, questionOf, rcodeOf, rcodes, readQuery, sealed, type Transport } from './message.ts';
import type { Upstream } from './upstream.ts';
import { freshSeconds } from './wire.ts';

export interface ResolverOptions {
  readonly zone: ClusterZone;
  readonly upstream: Pick<Upstream, 'ask'>;
  readonly cache: AnswerCache;
  readonly clock: Clock;
  readonly log: Log;
  /** Questions that are with other servers at the same time; beyond, they fail. */
  readonly asksMax?: number;
}

export class Resolver {
  readonly #options: ResolverOptions;
  /** Whoever asks the same meanwhile waits for the same answer. */
  readonly #asking = new Map<string, Promise<Buffer>>();
  readonly #ending = new AbortController();

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** At once where nobody else has to be asked. Undefined for what gets no answer. Neither throws nor rejects. */
  answer(message: Buffer, transport: Transport): Buffer | undefined | Promise<Buffer> {
    const query = readQuery(message);
    if ('refusal' in query) return query.refusal;
    // Anybody may send anything, and other servers may answer anything: no message may end the agent.
    const failed = (error: unknown): Buffer => {
      this.#options.log.error('a question could not be answered', { error });
      return sealed(emptyReply(query.question, rcodes.servFail), query, transport);
    };
    try {
      const reply = this.#resolve(query, query.name, []);
      return Buffer.isBuffer(reply) ? sealed(reply, query, transport) : reply.then((ready) => sealed(ready, query, transport)).catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** Gives up what is on its way. */
  close(): void {
    this.#ending.abort();
  }

  /** `aliases`: what led from the name that was asked to this one. */
  #resolve(query: Query, name: string, aliases: readonly Answer[]): Buffer | Promise<Buffer> {
    const { zone } = this.#options;
    const found = zone.answer({ name, type: query.type });
    const reply = (rcode: number, answers: readonly Answer[], additionals: readonly Answer[] = []): Buffer =>
      encodeReply(query.question, { rcode, authoritative: true, answers: [...aliases, ...answers], authorities: answers.length > 0 ? [] : [zone.authority()], additionals });
    if (found.kind === 'found') return reply(rcodes.noError, found.answers, found.additionals);
    if (found.kind === 'no-such-name') return reply(rcodes.nxDomain, []);
    if (found.kind === 'unknown' || aliases.length > dnsLimits.aliasesMax) return emptyReply(query.question, rcodes.servFail);
    if (found.kind === 'elsewhere') return aliases.length === 0 ? this.#forward(query.question, askOptions(query)) : this.#forwardAlias(query, name, aliases);
    const alias: Answer = { type: 'CNAME', name, ttl: dnsLimits.recordTtlSeconds, data: found.target };
    if (query.type === 'CNAME') return reply(rcodes.noError, [alias]);
    return this.#resolve(query, found.target, [...aliases, alias]);
  }

  async #forwardAlias(query: Query, name: string, aliases: readonly Answer[]): Promise<Buffer> {
    // Signatures cover the names of others, not this one.
    const reply = await this.#forward(questionOf(name, query.type), { dnssecOk: false, checkingDisabled: false });
    const answers = answersOf(reply).filter(({ type }) => type === 'CNAME' || type === query.type);
    return encodeReply(query.question, { rcode: rcodeOf(reply), answers: [...aliases, ...answers] });
  }

  #forward(question: Buffer, options: AskOptions): Buffer | Promise<Buffer> {
    const { cache, clock, asksMax = dnsLimits.asksMax } = this.#options;
    const key = questionKey(question, options);
    const kept = cache.get(key, clock.monotonicMs());
    if (kept) return kept;
    const asking = this.#asking.get(key);
    if (asking) return asking;
    if (this.#asking.size >= asksMax) return emptyReply(question, rcodes.servFail);
    const asked = this.#ask(question, options, key).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asked);
    return asked;
  }

  async #ask(question: Buffer, options: AskOptions, key: string): Promise<Buffer> {
    const { cache, clock, upstream } = this.#options;
    // Its buffer may be a part of a larger one, or be written to again.
    const own = Buffer.from(question);
    const reply = await upstream.ask(own, options, this.#ending.signal).catch((error: unknown) => {
      if (error instanceof NoAnswer) return emptyReply(own, rcodes.servFail);
      throw error;
    });
    const settled = rcodeOf(reply) === rcodes.noError || rcodeOf(reply) === rcodes.nxDomain;
    cache.put(key, reply, settled ? freshSeconds(reply) : dnsLimits.failureTtlSeconds, clock.monotonicMs());
    return reply;
  }
}
