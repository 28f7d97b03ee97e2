/** Runs a program of the host and waits for it. */
import { spawn } from 'node:child_process';

export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly exitCode: number;
  readonly stderr: string;
  constructor(command: string, exitCode: number, stderr: string) {
    super(`${command} failed with exit code ${exitCode}: ${stderr.trim().split('\n').slice(-3).join(' / ')}`);
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

export interface CommandOptions {
  readonly input?: string;
  /** Instead of this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Receives standard output and error as they come. */
  readonly onOutput?: (chunk: Buffer) => void;
}

/** Where a person's path may not lead, and the programs for networks and mounts are. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/**
 * The environment in which the host's own programs are found: npm puts the programs of packages first on the path, and one
 * of them is called nft, too.
 */
export const hostEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const folders = (env['PATH'] ?? '').split(':').filter((folder) => folder !== '' && !folder.endsWith('node_modules/.bin'));
  return { ...env, PATH: [...new Set([...folders, ...systemFolders])].join(':') };
};

/** Resolves to standard output. Throws CommandFailed, also when there is no such program (exit code 127). */
export const command = (program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: hostEnvironment(options.env ?? process.env) });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout.push(chunk);
      options.onOutput?.(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr.push(chunk);
      options.onOutput?.(chunk);
    });
    child.on('error', (error) => reject(new CommandFailed(program, 127, error.message)));
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(stdout).toString());
      else reject(new CommandFailed(program, code ?? 1, Buffer.concat(stderr).toString()));
    });
    // A program that ends before it has read everything is no failure of its own.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });

/** True when the program ends with 0. */
export const succeeds = (program: string, args: readonly string[]): Promise<boolean> =>
  command(program, args).then(
    () => true,
    () => false,
  );
