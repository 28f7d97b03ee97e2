/**
 * Asks the servers that the host asks. They take turns until one gives an answer that settles the question; the one that did is
 * asked first the next time, so that one which is down costs one question and not each.
 */
import { randomInt } from 'node:crypto';
import type { Clock } from '../../proto/process/clock.ts';
import { dnsLimits } from '../limits.ts';
import { askByTcp, askByUdp, type DnsServerAddress, NoAnswer } from './exchange.ts';
import { type AskOptions, encodeQuery, isAnswerTo, isTruncated, rcodeOf, rcodes } from './message.ts';
import { withoutOpt } from './wire.ts';

export interface UpstreamOptions {
  readonly servers: () => Promise<readonly DnsServerAddress[]>;
  readonly clock: Clock;
}

/** What another server would say too. */
const settles = (reply: Buffer): boolean => rcodeOf(reply) === rcodes.noError || rcodeOf(reply) === rcodes.nxDomain;

const idMax = 0x1_0000;

export class Upstream {
  readonly #options: UpstreamOptions;
  #answeredLast: string | undefined;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** The reply, without OPT. Rejects with NoAnswer. */
  async ask(question: Buffer, options: AskOptions, signal: AbortSignal): Promise<Buffer> {
    const { clock, servers } = this.#options;
    const untilMs = clock.monotonicMs() + dnsLimits.askMs;
    const all = (await servers()).slice(0, dnsLimits.upstreamServersMax);
    const order = all.toSorted((one, other) => Number(other.address === this.#answeredLast) - Number(one.address === this.#answeredLast));
    let lame: Buffer | undefined;
    // Packets get lost: everybody is asked twice.
    for (const server of [...order, ...order]) {
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0 || signal.aborted) break;
      const reply = await this.#try(server, question, options, Math.min(leftMs, dnsLimits.askTryMs), signal);
      if (reply === undefined) continue;
      if (settles(reply)) {
        this.#answeredLast = server.address;
        return reply;
      }
      lame ??= reply;
      if (server === order.at(-1)) break;
    }
    if (lame) return lame;
    throw new NoAnswer('no server answered');
  }

  /** Undefined when it gives no answer that can be used. */
  async #try(server: DnsServerAddress, question: Buffer, options: AskOptions, timeoutMs: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const ended = new AbortController();
    const end = (): void => ended.abort();
    const timer = this.#options.clock.after(timeoutMs, end);
    signal.addEventListener('abort', end, { once: true });
    try {
      const reply = await this.#exchange(server, question, options, true, ended.signal);
      // A server from before EDNS0.
      return withoutOpt(rcodeOf(reply) === rcodes.formErr ? await this.#exchange(server, question, options, false, ended.signal) : reply);
    } catch (error) {
      // RangeError: its records cannot be read.
      if (error instanceof NoAnswer || error instanceof RangeError) return undefined;
      throw error;
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', end);
    }
  }

  async #exchange(server: DnsServerAddress, question: Buffer, options: AskOptions, edns: boolean, signal: AbortSignal): Promise<Buffer> {
    const id = randomInt(idMax);
    const query = encodeQuery(id, question, options, edns);
    const isAnswer = (message: Buffer): boolean => isAnswerTo(message, id, question);
    const reply = await askByUdp(server, query, isAnswer, signal);
    return isTruncated(reply) ? askByTcp(server, query, isAnswer, signal) : reply;
  }
}
