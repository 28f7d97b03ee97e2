/** berth build: an image from a Dockerfile into the registry. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Argv } from 'yargs';
import { buildImage } from '../local/images.ts';
import { createProgress } from '../local/progress.ts';
import { defaultDataDir, paths } from '../local/settings.ts';
import { UsageError } from '../errors.ts';
import type { Program } from '../program.ts';

export const command = 'build <directory>';
export const describe = 'Build a Dockerfile and push the image to its registry';

export interface BuildArguments {
  directory: string;
  tag: string;
  file: string | undefined;
  buildArg: readonly string[];
  dataDir: string;
}

export const builder = (yargs: Argv): Argv =>
  yargs
    .positional('directory', { type: 'string', demandOption: true, describe: 'The folder that holds the Dockerfile' })
    .option('tag', { alias: 't', type: 'string', demandOption: true, describe: 'The image’s name, such as localhost:5000/hello:1' })
    .option('file', { alias: 'f', type: 'string', describe: 'The Dockerfile, when it is named otherwise' })
    .option('build-arg', { type: 'string', array: true, nargs: 1, default: [], describe: 'NAME=VALUE for an ARG of the Dockerfile; may be repeated' })
    .option('data-dir', { type: 'string', default: defaultDataDir, describe: 'Where layers are kept' })
    .example('sudo berth build -t localhost:5000/hello:1 deploy/examples/hello', 'Build and push the example');

const imageName = /^[a-z0-9]+([._-][a-z0-9]+)*(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w][\w.-]{0,127})?$/;

export const run = async (args: BuildArguments, program: Program): Promise<void> => {
  const directory = resolve(args.directory);
  if (!imageName.test(args.tag)) throw new UsageError(`"${args.tag}" is no image name; write it like localhost:5000/hello:1`);
  if (!existsSync(directory)) throw new UsageError(`there is no folder ${directory}`);
  const file = args.file ? resolve(args.file) : ['Dockerfile', 'Containerfile'].map((name) => join(directory, name)).find((path) => existsSync(path));
  if (!file || !existsSync(file)) throw new UsageError(`there is no Dockerfile in ${directory}; name it with --file`);
  const output: Buffer[] = [];
  await createProgress(program.stderr, program.clock).step(`build and push ${args.tag}`, async () => {
    await buildImage(args.tag, directory, { storageDir: paths(resolve(args.dataDir)).build, onOutput: (chunk) => output.push(chunk) }, { file, arguments: args.buildArg });
  }).catch((error: unknown) => {
    program.stderr.write(Buffer.concat(output).toString());
    throw error;
  });
};
