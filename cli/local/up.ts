/** Brings a local cluster up, and finds in place what is. Each step is idempotent, so that `up` after a crash mends. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Client } from '../../proto/client.ts';
import { ApiError } from '../../proto/errors.ts';
import { nodeKind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Node } from '../../proto/resources/kubernetes.ts';
import { createHostNetwork, createNodeNetwork, routePods } from './host-network.ts';
import { buildPauseImage } from './images.ts';
import { createToken } from './join-token.ts';
import { kubeconfigFiles, mergeKubeconfig } from './kubeconfig-merge.ts';
import { ensureCertificates, type LocalCertificates } from './pki.ts';
import { checkDisk, checkHost, checkPorts } from './preflight.ts';
import { type ProcessFolders, type ProcessSpec, running, start } from './processes.ts';
import type { Progress } from './progress.ts';
import { compilePrograms, controllerService, etcdService, type NodeFiles, nodeServices, registryService } from './services.ts';
import { type ClusterSettings, contextName, paths, pauseImage, writeSettings } from './settings.ts';

export interface UpContext {
  readonly settings: ClusterSettings;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
}

/** Something did not come up in time; `log` is where it says why. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

const readyTimeoutMs = 60_000;
const pollMs = 50;

const until = async (what: string, log: string, clock: Clock, isSo: () => Promise<boolean>): Promise<void> => {
  const deadlineMs = clock.monotonicMs() + readyTimeoutMs;
  while (!(await isSo())) {
    if (clock.monotonicMs() > deadlineMs) throw new NotReady(`${what} did not come up within ${readyTimeoutMs / 1000} s; its log says why: ${log}`);
    await clock.sleep(pollMs);
  }
};

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const answers = (request: Promise<unknown>): Promise<boolean> =>
  request.then(
    () => true,
    () => false,
  );

const foldersOf = (settings: ClusterSettings): ProcessFolders => {
  const { run, logs } = paths(settings.dataDir);
  for (const dir of [run, logs]) mkdirSync(dir, { recursive: true, mode: 0o711 });
  return { run, logs };
};

const ensurePauseImage = async (settings: ClusterSettings): Promise<void> => {
  const manifest = await fetch(`http://127.0.0.1:${settings.ports.registry}/v2/berth/pause/manifests/1`, {
    headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json' },
  });
  if (!manifest.ok) await buildPauseImage(pauseImage(settings), { storageDir: paths(settings.dataDir).build });
};

const joinNode = async (context: UpContext, files: NodeFiles, client: Client, authority: string): Promise<void> => {
  if (existsSync(files.certificateFile)) return;
  writeFileSync(files.tokenFile, await createToken(client, authority, context.clock), { mode: 0o600 });
};

const isReady = (node: Node): boolean => node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

const startNode = async (context: UpContext, folders: ProcessFolders, client: Client, authority: string, index: number): Promise<void> => {
  const { settings, clock } = context;
  const name = `node-${index}`;
  await createNodeNetwork(settings, name, index);
  const files = nodeServices(settings, name, index);
  start(folders, files.containerd);
  await joinNode(context, files, client, authority);
  start(folders, files.agent);
  let podCidr: string | undefined;
  await until(`node ${name}`, join(folders.logs, `${name}-agent.log`), clock, async () => {
    const node = await client.get<Node>(nodeKind, undefined, name).catch((error: unknown) => {
      if (error instanceof ApiError) return undefined;
      throw error;
    });
    podCidr = node?.spec?.podCIDR;
    return node !== undefined && podCidr !== undefined && isReady(node);
  });
  if (podCidr) await routePods(settings, podCidr, index);
};

const mergeContext = (context: UpContext, certificates: LocalCertificates, server: string): readonly string[] => {
  const files = kubeconfigFiles(context.env);
  for (const file of files) {
    mergeKubeconfig(file, { name: contextName(context.settings), server, authority: certificates.authority, ...certificates.admin });
  }
  return files.map((file) => file.path);
};

/** Resolves when the cluster serves and its node is ready. Throws PreflightFailed, NotReady, CommandFailed. */
export const up = async (context: UpContext): Promise<void> => {
  const { settings, progress, clock } = context;
  await progress.step('this machine has what it takes', async () => {
    checkHost();
    checkDisk(settings);
    const { run, logs } = paths(settings.dataDir);
    if (running({ run, logs }).length === 0) await checkPorts(settings.ports);
  });
  writeSettings(settings);
  const folders = foldersOf(settings);
  const launch = async (spec: ProcessSpec, isUp: () => Promise<boolean>, note: (text: string) => void): Promise<void> => {
    if (!start(folders, spec)) note('already running');
    await until(spec.name, join(folders.logs, `${spec.name}.log`), clock, isUp);
  };

  const certificates = await progress.step('certificates', () => ensureCertificates(settings));
  await progress.step('network between host and nodes', () => createHostNetwork(settings));
  await progress.step('programs compiled', () => compilePrograms(settings));
  await progress.step('etcd', (note) => launch(etcdService(settings), () => accepts(settings.ports.etcd), note));
  await progress.step('registry', async (note) => {
    await launch(registryService(settings), () => accepts(settings.ports.registry), note);
    await ensurePauseImage(settings);
  });
  const server = `https://127.0.0.1:${settings.ports.api}`;
  const client = new Client({ server, ca: certificates.authority, cert: certificates.admin.certPem, key: certificates.admin.keyPem }, clock);
  try {
    await progress.step('controller', (note) => launch(controllerService(settings), () => answers(client.text('GET', '/readyz')), note));
    await progress.step('node-1', () => startNode(context, folders, client, certificates.authority, 1));
  } finally {
    client.close();
  }
  await progress.step('kubeconfig', async (note) => note(`context ${contextName(settings)} in ${mergeContext(context, certificates, server).join(', ')}`));
};
