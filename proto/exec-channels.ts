/**
 * Kubernetes' channel protocols of commands over a WebSocket, v4 and v5: the first byte of each binary message is the
 * channel. v5 adds the closing of a channel, without which standard input has no end.
 */

export const execProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;
export type ExecProtocol = (typeof execProtocols)[number];

export const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export type ChannelMessage =
  | { readonly type: 'data'; readonly channel: number; readonly bytes: Buffer }
  | { readonly type: 'resize'; readonly width: number; readonly height: number }
  | { readonly type: 'close'; readonly channel: number };

export const encodeData = (channel: number, bytes: Uint8Array | string): Buffer =>
  Buffer.concat([Buffer.of(channel), typeof bytes === 'string' ? Buffer.from(bytes) : bytes]);

export const encodeClose = (channel: number): Buffer => Buffer.of(channels.close, channel);

export const encodeResize = (width: number, height: number): Buffer =>
  encodeData(channels.resize, JSON.stringify({ Width: width, Height: height }));

const cellsMax = 65_535;
const isSize = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= cellsMax;

const sizeOf = (bytes: Buffer): ChannelMessage | undefined => {
  try {
    const { Width: width, Height: height } = JSON.parse(bytes.toString()) as { Width?: unknown; Height?: unknown };
    return isSize(width) && isSize(height) ? { type: 'resize', width, height } : undefined;
  } catch {
    return undefined;
  }
};

/** Undefined for what makes no sense: an empty message, a size that is none. */
export const decodeMessage = (message: Buffer): ChannelMessage | undefined => {
  const [channel] = message;
  if (channel === undefined) return undefined;
  const bytes = message.subarray(1);
  if (channel === channels.resize) return sizeOf(bytes);
  if (channel !== channels.close) return { type: 'data', channel, bytes };
  return bytes[0] === undefined ? undefined : { type: 'close', channel: bytes[0] };
};

/** The best protocol that a client offers in `Sec-WebSocket-Protocol`. */
export const protocolOf = (offered: string | undefined): ExecProtocol | undefined => {
  const names = (offered ?? '').split(',').map((name) => name.trim());
  return execProtocols.find((protocol) => names.includes(protocol));
};
