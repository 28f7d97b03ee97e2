/** berth version: of this program and of the server. */
import type { Argv } from 'yargs';
import { type ContextArguments, contextOf } from '../context.ts';
import { contextFlags } from '../flags.ts';
import { parseOutput } from '../output.ts';
import { UsageError } from '../errors.ts';
import type { Program } from '../program.ts';
import { programVersion } from '../version.ts';

export const command = 'version';

export interface VersionArguments extends ContextArguments {
  readonly client: boolean;
  readonly output?: string;
}

export const builder = (yargs: Argv): Argv =>
  contextFlags(yargs)
    .option('client', { type: 'boolean', default: false, describe: 'This program alone, without asking the server' })
    .option('output', { alias: 'o', type: 'string', requiresArg: true, describe: 'yaml or json' })
    .example('berth version', 'Both versions')
    .example('berth version --client -o json', 'This program’s, for scripts');

interface ServerVersion {
  readonly gitVersion: string;
  readonly major: string;
  readonly minor: string;
}

export const run = async (args: VersionArguments, program: Program): Promise<void> => {
  const form = parseOutput(args.output);
  if (args.output !== undefined && form.type !== 'json' && form.type !== 'yaml') throw new UsageError('-o has to be yaml or json here');
  const clientVersion = { version: programVersion, node: process.versions.node };
  const show = async (versions: { clientVersion: object; serverVersion?: ServerVersion }): Promise<void> => {
    if (form.type === 'json') program.stdout.write(`${JSON.stringify(versions, undefined, 4)}\n`);
    else if (form.type === 'yaml') program.stdout.write((await import('yaml')).stringify(versions));
    else {
      program.stdout.write(`Client Version: ${clientVersion.version} (Node.js ${clientVersion.node})\n`);
      if (versions.serverVersion) program.stdout.write(`Server Version: ${versions.serverVersion.gitVersion}\n`);
    }
  };
  if (args.client) {
    await show({ clientVersion });
    return;
  }
  let serverVersion: ServerVersion;
  try {
    const context = contextOf(args, program);
    serverVersion = await context.client.json<ServerVersion>('GET', '/version', { signal: program.signal }).finally(() => context.client.close());
  } catch (error) {
    await show({ clientVersion });
    throw error;
  }
  await show({ clientVersion, serverVersion });
};
