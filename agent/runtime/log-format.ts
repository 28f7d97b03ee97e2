/** Lines of a CRI log as `logs` shows them. Pure but for what it remembers of the lines before. */
import { parseTimestamp } from '../../proto/process/clock.ts';
import { parseLogLine } from './log-line.ts';

export interface LogFormat {
  readonly timestamps: boolean;
  /** Lines from before are left out; NaN shows all. */
  readonly sinceMs: number;
  readonly limitBytes: number;
}

const newline = 0x0a;
const lineEnd = Buffer.from('\n');

/** With nine digits, as Kubernetes shows them: the runtime leaves out zeros at the end. */
const withNanoseconds = (time: string): string =>
  time.replace(/(?:\.(\d*))?(?=(?:Z|[+-]\d\d:\d\d)$)/, (_, digits: string | undefined) => `.${(digits ?? '').padEnd(9, '0')}`);

export class LogFormatter {
  readonly #format: LogFormat;
  /** The end of the last chunk, when a line was cut there. */
  #carry: Buffer = Buffer.alloc(0);
  #isPastSince: boolean;
  #leftBytes: number;
  /** Streams in the middle of a line that was too long for one entry. */
  readonly #partial = new Set<string>();

  constructor(format: LogFormat) {
    this.#format = format;
    this.#isPastSince = Number.isNaN(format.sinceMs);
    this.#leftBytes = format.limitBytes;
  }

  /** limitBytes were given out. */
  get isFull(): boolean {
    return this.#leftBytes <= 0;
  }

  /** What is to be shown of the next bytes of the file; empty when nothing is. */
  take(chunk: Buffer): Buffer {
    const bytes = this.#carry.length > 0 ? Buffer.concat([this.#carry, chunk]) : chunk;
    const shown: Buffer[] = [];
    let from = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, from)) {
      this.#show(bytes.subarray(from, end), shown);
      from = end + 1;
    }
    // A copy: the chunk's memory is used again.
    this.#carry = Buffer.from(bytes.subarray(from));
    const text = Buffer.concat(shown).subarray(0, Math.max(0, Math.min(this.#leftBytes, Number.MAX_SAFE_INTEGER)));
    this.#leftBytes -= text.length;
    return text;
  }

  /** A new file begins: what was cut at the end of the last one will not go on. */
  nextFile(): void {
    this.#carry = Buffer.alloc(0);
  }

  #show(raw: Buffer, shown: Buffer[]): void {
    const line = parseLogLine(raw);
    if (!line) return;
    if (!this.#isPastSince) {
      if (parseTimestamp(line.time) < this.#format.sinceMs) return;
      this.#isPastSince = true;
    }
    if (this.#format.timestamps && !this.#partial.has(line.stream)) shown.push(Buffer.from(`${withNanoseconds(line.time)} `));
    shown.push(line.text);
    if (line.partial) this.#partial.add(line.stream);
    else {
      this.#partial.delete(line.stream);
      shown.push(lineEnd);
    }
  }
}
