/** One line of a CRI log: `<RFC 3339 time, nanoseconds> <stdout|stderr> <P|F> <text>`. Pure. */

export interface LogLine {
  /** As written, e.g. 2026-01-02T03:04:05.678901234Z. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** The text goes on in the next line of the same stream. */
  readonly partial: boolean;
  /** Without the line's end. */
  readonly text: Buffer;
}

const space = 0x20;

/** `line` is without its end; undefined when it is no line of a CRI log. */
export const parseLogLine = (line: Buffer): LogLine | undefined => {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  if (first < 0 || second < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  const third = line.indexOf(space, second + 1);
  const tags = line.toString('latin1', second + 1, third < 0 ? line.length : third);
  if ((stream !== 'stdout' && stream !== 'stderr') || tags === '') return undefined;
  return {
    time: line.toString('latin1', 0, first),
    stream,
    partial: tags.split(':')[0] === 'P',
    text: third < 0 ? Buffer.alloc(0) : line.subarray(third + 1),
  };
};
