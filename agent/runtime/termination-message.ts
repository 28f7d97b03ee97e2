/** What a container says about its end: the file at terminationMessagePath, or the end of its log. */
import { open } from 'node:fs/promises';
import { runtimeLimits } from '../limits.ts';
import { parseLogLine } from './log-line.ts';

/** The last `bytesMax` bytes of a file; empty when there is none. */
export const tailBytes = async (path: string, bytesMax: number): Promise<Buffer> => {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return Buffer.alloc(0);
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytesMax);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
};

const logTail = async (path: string): Promise<string> => {
  // Each line carries a time and a stream beside its text.
  const raw = await tailBytes(path, runtimeLimits.terminationLogBytesMax * 4);
  const texts: string[] = [];
  for (const line of raw.toString().split('\n').slice(-runtimeLimits.terminationLogLinesMax - 1)) {
    const parsed = parseLogLine(Buffer.from(line));
    if (parsed) texts.push(`${parsed.text.toString()}${parsed.partial ? '' : '\n'}`);
  }
  return Buffer.from(texts.join('')).subarray(-runtimeLimits.terminationLogBytesMax).toString();
};

export interface MessageRequest {
  readonly file: string;
  readonly policy: string;
  readonly logFile: string;
  readonly exitCode: number;
}

/** The log is used with FallbackToLogsOnError, after an error, where the file is empty. */
export const terminationMessage = async ({ file, policy, logFile, exitCode }: MessageRequest): Promise<string> => {
  const text = (await tailBytes(file, runtimeLimits.terminationMessageBytesMax)).toString();
  if (text || policy !== 'FallbackToLogsOnError' || exitCode === 0) return text;
  return logTail(logFile);
};
