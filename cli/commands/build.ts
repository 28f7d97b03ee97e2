/** berth build: an image from a Dockerfile into the registry. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Argv } from 'yargs';
import { CommandFailed } from '../local/command.ts';
import { buildImage, localRegistry } from '../local/images.ts';
import { onPath, PreflightFailed } from '../local/preflight.ts';
import { createProgress } from '../local/progress.ts';
import { defaultDataDir, paths, readSettings, trueDataDir } from '../local/settings.ts';
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

/** Throws PreflightFailed. */
const checkBuilder = async (tag: string): Promise<void> => {
  if (process.getuid?.() !== 0) throw new PreflightFailed('building an image needs root, for the owners of the files in it; run it again with sudo');
  if (!onPath('buildah')) throw new PreflightFailed('buildah is not installed; run "npm start", which installs it, or: apt-get install -y buildah');
  const registry = localRegistry(tag);
  const answers = registry === undefined || (await fetch(`http://${registry}/v2/`).then((response) => response.ok || response.status === 401, () => false));
  if (!answers) throw new PreflightFailed(`no registry answers at ${registry}; "sudo berth up" starts the local one`);
};

/** The Dockerfile to build. Throws UsageError. */
const dockerfileOf = (args: BuildArguments, directory: string): string => {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`there is no folder ${directory}`);
  if (args.file) {
    // Next to where the command is run first, as other builders do, then inside the folder.
    const found = [resolve(args.file), resolve(directory, args.file)].find((path) => existsSync(path));
    if (!found) throw new UsageError(`there is no file ${resolve(args.file)}`);
    return found;
  }
  const found = ['Dockerfile', 'Containerfile'].map((name) => join(directory, name)).find((path) => existsSync(path));
  if (!found) throw new UsageError(`there is no Dockerfile in ${directory}; name it with --file`);
  return found;
};

/** Layers are kept beside the cluster's other data; without a cluster they are not kept. */
const withStorage = async <T>(dataDir: string, work: (storageDir: string) => Promise<T>): Promise<T> => {
  if (readSettings(dataDir)) return work(paths(dataDir).build);
  const folder = mkdtempSync(join(tmpdir(), 'berth-build-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

export const run = async (args: BuildArguments, program: Program): Promise<void> => {
  const directory = resolve(args.directory);
  if (!imageName.test(args.tag)) throw new UsageError(`"${args.tag}" is no image name; write it like localhost:5000/hello:1`);
  const wrong = args.buildArg.find((pair) => !/^[A-Za-z_]\w*(=|$)/.test(pair));
  if (wrong !== undefined) throw new UsageError(`--build-arg ${wrong} must be NAME=VALUE`);
  const file = dockerfileOf(args, directory);
  await checkBuilder(args.tag);
  const output: Buffer[] = [];
  const build = (storageDir: string): Promise<void> =>
    buildImage(args.tag, directory, { storageDir, onOutput: (chunk) => output.push(chunk) }, { file, arguments: args.buildArg });
  await createProgress(program.stderr, program.clock)
    .step(`build and push ${args.tag}`, () => withStorage(trueDataDir(args.dataDir), build))
    .catch((error: unknown) => {
      program.stderr.write(Buffer.concat(output).toString());
      if (error instanceof CommandFailed) throw new CommandFailed(`building ${args.tag}`, error.exitCode, 'the lines above say why');
      throw error;
    });
};
