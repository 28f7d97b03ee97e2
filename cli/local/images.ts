/** Builds images with buildah, without a daemon and without a network, and pushes them to the local registry. */
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from './command.ts';

export interface BuildSettings {
  /** Where buildah keeps its layers. */
  readonly storageDir: string;
  /** Receives what buildah prints. */
  readonly onOutput?: (chunk: Buffer) => void;
}

export interface Dockerfile {
  /** When it is not the directory's own. */
  readonly file?: string;
  /** NAME=VALUE for each ARG. */
  readonly arguments?: readonly string[];
}

/** Names of images on registries of this host, which are spoken to over HTTP. */
const localName = /^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?(?=\/)/;

/** Host and port of an image's registry when that is on this host. */
export const localRegistry = (tag: string): string | undefined => localName.exec(tag)?.[0];

const storage = (settings: BuildSettings): string[] => [
  '--root', join(settings.storageDir, 'root'), '--runroot', join(settings.storageDir, 'run'), '--storage-driver', 'vfs',
];

/**
 * Builds the Dockerfile (or Containerfile) of a directory and pushes the image under its tag. Registries on loopback
 * are spoken to over HTTP. Throws CommandFailed.
 */
export const buildImage = async (tag: string, directory: string, settings: BuildSettings, build: Dockerfile = {}): Promise<void> => {
  // buildah 1.28 takes the layer of another argument's value for the same where an ENV uses it.
  const layersKept = (build.arguments ?? []).length === 0;
  const options = settings.onOutput ? { onOutput: settings.onOutput } : {};
  await command('buildah', [
    ...storage(settings), 'build', '--isolation', 'chroot', '--format', 'docker', '--tls-verify=false', `--layers=${layersKept}`,
    ...(build.file ? ['--file', build.file] : []), ...(build.arguments ?? []).flatMap((pair) => ['--build-arg', pair]), '--tag', tag, directory,
  ], options);
  await command('buildah', [...storage(settings), 'push', ...(localRegistry(tag) ? ['--tls-verify=false'] : []), tag, `docker://${tag}`], options);
};

/** Where Debian puts catatonit; other distributions differ. */
const catatonitPaths = ['/usr/bin/catatonit', '/usr/libexec/podman/catatonit', '/usr/libexec/catatonit/catatonit'];

/** The image of a pod's first process: it holds the namespaces and reaps orphans. */
export const buildPauseImage = async (tag: string, settings: BuildSettings): Promise<void> => {
  const catatonit = catatonitPaths.find((path) => existsSync(path));
  if (!catatonit) throw new Error('catatonit is not installed; apt-get install catatonit');
  const context = mkdtempSync(join(tmpdir(), 'berth-pause-'));
  try {
    copyFileSync(catatonit, join(context, 'catatonit'));
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY catatonit /pause\nENTRYPOINT ["/pause", "-P"]\n');
    await buildImage(tag, context, settings);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
};
