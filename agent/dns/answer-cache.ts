/** Answers of other servers, until they are too old: bounded in number and bytes, the least recently asked go first. */
import { dnsLimits } from '../limits.ts';
import { aged } from './wire.ts';

interface Kept {
  readonly reply: Buffer;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** What an entry takes beyond its bytes, about. */
const entryBytes = 200;

const bytesOf = (key: string, { reply }: Kept): number => key.length + reply.length + entryBytes;

export class AnswerCache {
  readonly #entries = new Map<string, Kept>();
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(entriesMax: number = dnsLimits.cacheEntriesMax, bytesMax: number = dnsLimits.cacheBytesMax) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
  }

  get entries(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** With what is left of its times. */
  get(key: string, nowMs: number): Buffer | undefined {
    const kept = this.#entries.get(key);
    if (kept === undefined) return undefined;
    this.#entries.delete(key);
    if (kept.untilMs <= nowMs) {
      this.#bytes -= bytesOf(key, kept);
      return undefined;
    }
    this.#entries.set(key, kept);
    return aged(kept.reply, Math.floor((nowMs - kept.sinceMs) / 1000));
  }

  put(key: string, reply: Buffer, seconds: number, nowMs: number): void {
    this.#remove(key);
    const kept = { reply, sinceMs: nowMs, untilMs: nowMs + Math.min(seconds, dnsLimits.cacheTtlSecondsMax) * 1000 };
    if (seconds <= 0 || bytesOf(key, kept) > this.#bytesMax) return;
    this.#entries.set(key, kept);
    this.#bytes += bytesOf(key, kept);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax && this.#bytes <= this.#bytesMax) return;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    const kept = this.#entries.get(key);
    if (kept === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= bytesOf(key, kept);
  }
}
