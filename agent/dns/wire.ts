/**
 * What has to be done to DNS messages as bytes, so that answers of other servers pass unharmed whatever is in them: finding the
 * records, names written once, what fits. Messages here have one question. Pure. Rules: RFC 1035, section 4.
 */

export const headerBytes = 12;

/** Offsets within a message. */
export interface WireRecord {
  /** 0 answer, 1 authority, 2 additional. */
  readonly section: 0 | 1 | 2;
  readonly start: number;
  /** Where its name ends: type, class, ttl and the length of the data follow. */
  readonly nameEnd: number;
  readonly type: number;
  readonly ttl: number;
  readonly dataStart: number;
  readonly end: number;
}

export const recordTypes = { SOA: 6, SRV: 33, OPT: 41 } as const;

const pointerBits = 0xc0;
/** A pointer has 14 bits for its target. */
const pointerTargetMax = 0x3fff;

const nameEnd = (message: Buffer, start: number, pointers = true): number => {
  let at = start;
  for (;;) {
    const length = message.readUInt8(at);
    if (length === 0) return at + 1;
    if (pointers && (length & pointerBits) === pointerBits) return at + 2;
    if ((length & pointerBits) !== 0) throw new RangeError('a label of an unknown kind');
    at += length + 1;
  }
};

/** Where the only question ends. Throws RangeError when there is none, or one that points elsewhere: nothing is before it. */
export const questionEnd = (message: Buffer): number => {
  if (message.length < headerBytes || message.readUInt16BE(4) !== 1) throw new RangeError('not one question');
  const end = nameEnd(message, headerBytes, false) + 4;
  if (end > message.length) throw new RangeError('the question is cut off');
  return end;
};

/** Throws RangeError for a message that is cut off or damaged. */
export const recordsOf = (message: Buffer): readonly WireRecord[] => {
  const records: WireRecord[] = [];
  let at = questionEnd(message);
  for (const section of [0, 1, 2] as const) {
    for (let left = message.readUInt16BE(6 + 2 * section); left > 0; left -= 1) {
      const afterName = nameEnd(message, at);
      const dataStart = afterName + 10;
      const end = dataStart + message.readUInt16BE(afterName + 8);
      if (end > message.length) throw new RangeError('a record is cut off');
      records.push({ section, start: at, nameEnd: afterName, type: message.readUInt16BE(afterName), ttl: message.readUInt32BE(afterName + 4), dataStart, end });
      at = end;
    }
  }
  return records;
};

/** Sets how many records each section has. */
export const setCounts = (message: Buffer, counts: readonly number[]): void => {
  counts.forEach((count, section) => message.writeUInt16BE(count, 6 + 2 * section));
};

/** The part of a message that fits: whole records, and whether anything that belongs to the answer is missing. */
export const fitting = (message: Buffer, bytesMax: number): { readonly end: number; readonly counts: readonly number[]; readonly truncated: boolean } => {
  const counts = [0, 0, 0];
  let end = questionEnd(message);
  for (const record of recordsOf(message)) {
    if (record.end > bytesMax) return { end, counts, truncated: record.section < 2 };
    counts[record.section] = (counts[record.section] ?? 0) + 1;
    ({ end } = record);
  }
  return { end, counts, truncated: false };
};

/** A copy without OPT, which is between two neighbours only, and without what follows it. */
export const withoutOpt = (message: Buffer): Buffer => {
  const records = recordsOf(message);
  const opt = records.find(({ type }) => type === recordTypes.OPT);
  const kept = records.filter(({ start }) => opt === undefined || start < opt.start);
  // A buffer of its own: what is kept for long must not hold a larger one.
  const copy = Buffer.allocUnsafeSlow(kept.at(-1)?.end ?? questionEnd(message));
  message.copy(copy);
  setCounts(copy, [0, 1, 2].map((section) => kept.filter((record) => record.section === section).length));
  return copy;
};

/** Names of a message by their bytes, in small letters, and of each its tails. */
class KnownNames {
  readonly #offsets = new Map<string, number>();

  find(name: Buffer): number | undefined {
    return this.#offsets.get(name.toString('latin1').toLowerCase());
  }

  /** `name` stands, whole, at `offset`. */
  add(name: Buffer, offset: number): void {
    const text = name.toString('latin1').toLowerCase();
    for (let at = 0; name.readUInt8(at) !== 0 && offset + at <= pointerTargetMax; at += name.readUInt8(at) + 1) {
      const tail = text.slice(at);
      if (!this.#offsets.has(tail)) this.#offsets.set(tail, offset + at);
    }
  }
}

/**
 * The message with the names of its records as pointers where they, or the targets of SRV before, have been written already: three
 * times as many addresses fit into a packet. The message must have no pointers yet.
 */
export const compressed = (message: Buffer): Buffer => {
  const known = new KnownNames();
  const start = questionEnd(message);
  known.add(message.subarray(headerBytes, start - 4), headerBytes);
  const parts = [message.subarray(0, start)];
  let length = start;
  const write = (part: Buffer): void => {
    parts.push(part);
    length += part.length;
  };
  for (const record of recordsOf(message)) {
    const name = message.subarray(record.start, record.nameEnd);
    const offset = known.find(name);
    if (offset === undefined) {
      known.add(name, length);
      write(name);
    } else write(Buffer.of(pointerBits | (offset >> 8), offset & 0xff));
    // Targets themselves stay whole (RFC 2782), but others may point to them.
    const target = record.type === recordTypes.SRV ? record.dataStart + 6 : undefined;
    if (target !== undefined) known.add(message.subarray(target, record.end), length + target - record.nameEnd);
    write(message.subarray(record.nameEnd, record.end));
  }
  return Buffer.concat(parts, length);
};

/** How long an answer may be kept: by the records of the answer, and where it denies something by the zone's own word (RFC 2308). */
export const freshSeconds = (message: Buffer): number => {
  let seconds = Number.POSITIVE_INFINITY;
  for (const { section, type, ttl, end, dataStart } of recordsOf(message)) {
    if (section === 0) seconds = Math.min(seconds, ttl);
    if (section === 1 && type === recordTypes.SOA && end - dataStart >= 4) seconds = Math.min(seconds, ttl, message.readUInt32BE(end - 4));
  }
  return Number.isFinite(seconds) ? seconds : 0;
};

/** A copy of an answer that was kept for so long. */
export const aged = (message: Buffer, seconds: number): Buffer => {
  const copy = Buffer.from(message);
  for (const { nameEnd: at, ttl } of recordsOf(message)) copy.writeUInt32BE(Math.max(0, ttl - seconds), at + 4);
  return copy;
};
