/**
 * The client's half of SPDY/3.1, as far as Kubernetes uses it to carry several streams over one connection (attach, port-forward):
 * streams are opened by the client, each with a few headers, carry bytes both ways and end in each direction by itself. There is
 * no flow control in this use but that of the connection beneath.
 *
 * Headers are packed by zlib in the standard. What is sent is a zlib stream whose blocks are stored as they are; what comes with
 * replies says nothing that is needed, and is not unpacked.
 */

const version = 3;
const frames = { synStream: 1, rstStream: 3, ping: 6, goAway: 7 } as const;
const finished = 0x01;
const headBytes = 8;
/** Of the data in one frame. */
const dataBytesMax = 64 * 1024;

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const controlFrame = (type: number, flags: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(0x8000 | version, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4);
  return Buffer.concat([head, payload]);
};

const dataFrame = (id: number, flags: number, bytes: Buffer): Buffer =>
  Buffer.concat([uint32(id), uint32(((flags << 24) | bytes.length) >>> 0), bytes]);

const headersBlock = (headers: Readonly<Record<string, string>>): Buffer => {
  const entries = Object.entries(headers);
  const text = (value: string): Buffer[] => [uint32(Buffer.byteLength(value)), Buffer.from(value)];
  return Buffer.concat([uint32(entries.length), ...entries.flatMap(([name, value]) => [...text(name.toLowerCase()), ...text(value)])]);
};

const zlibHead = Buffer.of(0x78, 0x01);
/** An empty block, after which a reader has all that came before. */
const zlibFlush = Buffer.of(0x00, 0x00, 0x00, 0xff, 0xff);

/** One block of a deflate stream, not its last, with the bytes as they are. */
const storedBlock = (bytes: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(bytes.length, 1);
  head.writeUInt16LE(~bytes.length & 0xffff, 3);
  return Buffer.concat([head, bytes, zlibFlush]);
};

export interface SpdyHandlers {
  readonly onData: (bytes: Buffer) => void;
  /** The other end sends no more on this stream; also when the stream or the connection was broken off. */
  readonly onEnd: () => void;
}

export interface SpdyStream {
  /** `written` is called when the connection has taken the bytes. */
  write(bytes: Buffer, written?: () => void): void;
  /** Nothing more comes from here. */
  end(): void;
}

export class SpdyConnection {
  readonly #write: (bytes: Buffer, written?: () => void) => void;
  readonly #streams = new Map<number, SpdyHandlers>();
  #nextId = 1;
  #packs = false;
  #rest: Buffer = Buffer.alloc(0);

  /** `write` sends on the connection beneath. */
  constructor(write: (bytes: Buffer, written?: () => void) => void) {
    this.#write = write;
  }

  open(headers: Readonly<Record<string, string>>, handlers: SpdyHandlers): SpdyStream {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#streams.set(id, handlers);
    const block = storedBlock(headersBlock(headers));
    const packed = this.#packs ? block : Buffer.concat([zlibHead, block]);
    this.#packs = true;
    this.#write(controlFrame(frames.synStream, 0, Buffer.concat([uint32(id), uint32(0), Buffer.of(0, 0), packed])));
    return {
      write: (bytes, written) => {
        for (let at = 0; at < bytes.length; at += dataBytesMax) {
          const isLast = at + dataBytesMax >= bytes.length;
          this.#write(dataFrame(id, 0, bytes.subarray(at, at + dataBytesMax)), isLast ? written : undefined);
        }
      },
      end: () => this.#write(dataFrame(id, finished, Buffer.alloc(0))),
    };
  }

  /** What came on the connection, in pieces of any size. */
  receive(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (rest.length >= headBytes) {
      const length = rest.readUInt32BE(4) & 0xffffff;
      if (rest.length < headBytes + length) break;
      this.#take(rest.subarray(0, headBytes), rest.subarray(headBytes, headBytes + length));
      rest = rest.subarray(headBytes + length);
    }
    this.#rest = Buffer.from(rest);
  }

  /** The connection is gone: all streams have ended. */
  close(): void {
    for (const id of this.#streams.keys()) this.#end(id);
  }

  #take(head: Buffer, payload: Buffer): void {
    const first = head.readUInt32BE(0);
    if (first < 0x80000000) {
      if (payload.length > 0) this.#streams.get(first)?.onData(payload);
      if (((head[4] ?? 0) & finished) !== 0) this.#end(first);
      return;
    }
    const type = first & 0xffff;
    // A reply may be the whole of what the other end sends.
    if (type === frames.ping) this.#write(controlFrame(frames.ping, 0, Buffer.from(payload)));
    else if (type === frames.rstStream && payload.length >= 4) this.#end(payload.readUInt32BE(0) & 0x7fffffff);
    else if (type === frames.goAway) this.close();
    else if (((head[4] ?? 0) & finished) !== 0 && payload.length >= 4) this.#end(payload.readUInt32BE(0) & 0x7fffffff);
  }

  #end(id: number): void {
    const handlers = this.#streams.get(id);
    this.#streams.delete(id);
    handlers?.onEnd();
  }
}
