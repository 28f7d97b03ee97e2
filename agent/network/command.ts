/** Programs of the host that set up its network. */
import { spawn } from 'node:child_process';

export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** Resolves to what it printed. Rejects with CommandFailed and the program's own words. `env` is added to the agent's own. */
export const run = (program: string, args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    const printed: Buffer[] = [];
    const words: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => void printed.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => void words.push(chunk));
    child.once('error', (error) => reject(new CommandFailed(`${program}: ${error.message}`, { cause: error })));
    child.once('close', (code) => {
      if (code === 0) resolve(String(Buffer.concat(printed)));
      else reject(new CommandFailed(`${program} ${args.join(' ')} ended with ${code}: ${String(Buffer.concat(words)).trim()}`));
    });
    // Where it ends before it has read everything, its words say why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });

/** The rows that `ip -j` or `bridge -j` prints; it prints nothing at all when there are none. */
export const rows = async <T>(program: string, ...args: string[]): Promise<readonly T[]> => {
  const printed = (await run(program, ['-j', ...args])).trim();
  return printed === '' ? [] : (JSON.parse(printed) as T[]);
};

/** Runs lines of `ip` or `bridge` in one process; those after one that fails too. */
export const runBatch = async (program: 'ip' | 'bridge', lines: readonly string[]): Promise<void> => {
  if (lines.length > 0) await run(program, ['-force', '-batch', '-'], `${lines.join('\n')}\n`);
};
