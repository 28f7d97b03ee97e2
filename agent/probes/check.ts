/** One attempt of one probe, whatever its kind. */
import type { Clock } from '../../proto/process/clock.ts';
import type { Container, Probe } from '../../proto/resources/kubernetes.ts';
import { grpcHealth } from './grpc.ts';
import { httpGet, portNumber, UnknownPort } from './http.ts';
import { tcpConnect } from './tcp.ts';
import { TimeoutError, within } from './timeout.ts';

export interface Outcome {
  readonly ok: boolean;
  /** Why not, in Kubernetes' words; ends up in an event. */
  readonly message: string;
  /** Nobody could be asked: the runtime was away. Counts for nothing. */
  readonly isUnknown?: true;
}

export interface CheckTarget {
  readonly container: Container;
  readonly containerId: string;
  /** Where the container's ports are: the pod's address, or the node's for hostNetwork. */
  readonly host: string;
}

/** Runs a command in a container; resolves with its exit code and output. Rejects with TimeoutError, or when the runtime is away. */
export type Exec = (
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
  signal?: AbortSignal,
) => Promise<{ readonly exitCode: number; readonly output: string }>;

const success: Outcome = { ok: true, message: '' };

const checkHttp = async (probe: Probe, target: CheckTarget, signal: AbortSignal): Promise<Outcome> => {
  const action = probe.httpGet;
  if (!action) return success;
  const scheme = action.scheme === 'HTTPS' ? 'https' : 'http';
  const port = portNumber(action.port, target.container);
  const host = action.host || target.host;
  const headers = action.httpHeaders ?? [];
  const status = await httpGet({ host, port, scheme, path: action.path ?? '/', headers }, signal);
  if (status >= 200 && status < 400) return success;
  return { ok: false, message: `HTTP probe failed with statuscode: ${status}` };
};

const checkGrpc = async (probe: Probe, target: CheckTarget, signal: AbortSignal): Promise<Outcome> => {
  const status = await grpcHealth(target.host, Number(probe.grpc?.port), probe.grpc?.service ?? '', signal);
  if (status === 'SERVING') return success;
  return { ok: false, message: `service unhealthy (responded with "${status}")` };
};

const checkOnce = async (probe: Probe, target: CheckTarget, exec: Exec, timeoutMs: number, signal: AbortSignal): Promise<Outcome> => {
  if (probe.exec) {
    const result = await exec(target.containerId, probe.exec.command ?? [], timeoutMs, signal);
    return { ok: result.exitCode === 0, message: result.output.trim() || `command exited with ${result.exitCode}` };
  }
  if (probe.httpGet) return checkHttp(probe, target, signal);
  if (probe.grpc) return checkGrpc(probe, target, signal);
  if (probe.tcpSocket) {
    await tcpConnect(probe.tcpSocket.host || target.host, portNumber(probe.tcpSocket.port, target.container), signal);
  }
  return success;
};

const failureMessage = (probe: Probe, timeoutMs: number, error: unknown): string => {
  if (error instanceof UnknownPort) return error.message;
  const text = error instanceof Error ? error.message : String(error);
  if (probe.exec) return error instanceof TimeoutError ? `command timed out after ${timeoutMs / 1000}s` : text;
  const reason = error instanceof TimeoutError ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)' : text;
  if (probe.httpGet) return `Get "${probe.httpGet.path ?? '/'}": ${reason}`;
  if (probe.tcpSocket) return error instanceof TimeoutError ? 'dial tcp: i/o timeout' : `dial tcp: ${text}`;
  return reason;
};

/** Never rejects: what goes wrong is the outcome. An abort by `signal` is a failure that the caller ignores. */
export const check = async (probe: Probe, target: CheckTarget, exec: Exec, clock: Clock, signal: AbortSignal): Promise<Outcome> => {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    return await within(clock, timeoutMs, (inner) => checkOnce(probe, target, exec, timeoutMs, inner), signal);
  } catch (error) {
    const message = failureMessage(probe, timeoutMs, error);
    return probe.exec && !(error instanceof TimeoutError) ? { ok: false, message, isUnknown: true } : { ok: false, message };
  }
};
