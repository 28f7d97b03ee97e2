/** Logs of several containers on one output: whole lines only, each with the name of where it comes from. */

/** What is held of a line that does not end; beyond, it is cut here. */
export const lineBytesMax = 1024 * 1024;

/** Passes the bytes of one container on; what is cut between chunks is held until its line ends. */
export class LogLines {
  readonly #prefix: Buffer;
  readonly #write: (bytes: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  /** With an empty prefix, bytes pass as they come. */
  constructor(prefix: string, write: (bytes: Buffer) => void) {
    this.#prefix = Buffer.from(prefix);
    this.#write = write;
  }

  push(chunk: Buffer): void {
    if (this.#prefix.length === 0) {
      this.#write(chunk);
      return;
    }
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const out: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      out.push(this.#prefix, bytes.subarray(start, end + 1));
      start = end + 1;
    }
    this.#rest = bytes.subarray(start);
    if (this.#rest.length > lineBytesMax) this.end();
    if (out.length > 0) this.#write(Buffer.concat(out));
  }

  /** A last line that no newline ended gets one, so that the next prefix begins a line. */
  end(): void {
    if (this.#rest.length > 0) this.#write(Buffer.concat([this.#prefix, this.#rest, Buffer.from('\n')]));
    this.#rest = Buffer.alloc(0);
  }
}
