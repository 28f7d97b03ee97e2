/** Commands inside of containers, run to their end: probes and hooks. */
import { status } from '@grpc/grpc-js';
import type { Clock } from '../../proto/process/clock.ts';
import { TimeoutError } from '../probes/timeout.ts';
import { criLimits, runtimeLimits } from '../limits.ts';
import { type Cri, CriError, isUnavailable } from './cri.ts';
import type { ExecResult } from './runtime.ts';

/** What a shell answers for a command that is there but cannot be run; CRI does not tell why one did not start. */
const cannotRun = 126;

/** Rejects with TimeoutError, with the signal's reason, or with CriError when containerd is away. */
export const execSync = async (
  cri: Cri,
  clock: Clock,
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<ExecResult> => {
  // containerd kills the process when the call is cancelled; its own timeout counts in whole seconds.
  const timeout = new AbortController();
  const timer = clock.after(timeoutMs, () => timeout.abort(new TimeoutError(`command timed out after ${timeoutMs} ms`)));
  try {
    const { stdout, stderr, exit_code } = await cri.call(
      'ExecSync',
      { container_id: containerId, cmd: command, timeout: Math.ceil(timeoutMs / 1000) },
      { timeoutMs: timeoutMs + criLimits.callTimeoutMs, signal: signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal },
    );
    return { exitCode: exit_code, output: Buffer.concat([stdout, stderr]).subarray(0, runtimeLimits.execOutputBytesMax).toString() };
  } catch (error) {
    if (!(error instanceof CriError) || isUnavailable(error)) throw error;
    if (error.code === status.DEADLINE_EXCEEDED) throw new TimeoutError(`command timed out after ${timeoutMs} ms`, { cause: error });
    return { exitCode: cannotRun, output: error.message.slice(0, runtimeLimits.execOutputBytesMax) };
  } finally {
    timer.cancel();
  }
};
