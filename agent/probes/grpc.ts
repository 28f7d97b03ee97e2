/**
 * A gRPC probe: `grpc.health.v1.Health/Check`. Its two messages have one field each, so they are written by hand
 * instead of loading a schema.
 */
import { Client, credentials } from '@grpc/grpc-js';

const stringField = 0x0a;
const enumField = 0x08;
const servingStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

export type ServingStatus = (typeof servingStatuses)[number];

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
};

/** HealthCheckRequest { string service = 1; } */
export const encodeRequest = (service: string): Buffer => {
  const name = Buffer.from(service, 'utf8');
  return name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.of(stringField), varint(name.length), name]);
};

/** HealthCheckResponse { ServingStatus status = 1; } */
export const decodeReply = (bytes: Buffer): ServingStatus =>
  (bytes[0] === enumField ? servingStatuses[bytes[1] ?? 0] : undefined) ?? 'UNKNOWN';

/** Asks once over a connection of its own. Rejects with a gRPC ServiceError. */
export const grpcHealth = (host: string, port: number, service: string, signal: AbortSignal): Promise<ServingStatus> =>
  new Promise((resolve, reject) => {
    const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const client = new Client(target, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.primary_user_agent': 'kube-probe/1.32',
    });
    const call = client.makeUnaryRequest('/grpc.health.v1.Health/Check', encodeRequest, decodeReply, service, (error, reply) => {
      signal.removeEventListener('abort', cancel);
      client.close();
      if (error) reject(error);
      else resolve(reply ?? 'UNKNOWN');
    });
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
  });
