/** Brings a local cluster up, and finds in place what is. Each step is idempotent, so that `up` after a crash mends. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
import { kubeconfigFiles, knownKubeconfigs, mergeKubeconfig, recordKubeconfigs } from './kubeconfig-merge.ts';
import { ensureCertificates, type LocalCertificates } from './pki.ts';
import { checkDisk, checkHost, checkPorts } from './preflight.ts';
import { clusterProcesses, type ProcessFolders, type ProcessSpec, start, stop, supervised } from './processes.ts';
import type { Progress } from './progress.ts';
import { compilePrograms, controllerService, etcdService, type NodeFiles, nodeServices, registryService } from './services.ts';
import { type ClusterSettings, contextName, paths, pauseImage, type Ports, writeSettings } from './settings.ts';

export interface UpContext {
  readonly settings: ClusterSettings;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  /** Cuts it off between two steps or while it waits; what is done stays. */
  readonly signal: AbortSignal;
}

/** Something did not come up in time; `log` is where it says why. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

const readyTimeoutMs = 60_000;
const pollMs = 50;
const programGraceMs = 5_000;
const lineCharactersMax = 300;

/** The log's last words, for an error of one line. */
const lastLine = (log: string): string => {
  const line = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) : undefined;
  return line ? ` (its last line: ${line.slice(0, lineCharactersMax)})` : '';
};

const until = async (what: string, log: string, { clock, signal }: UpContext, isSo: () => Promise<boolean>): Promise<void> => {
  const deadlineMs = clock.monotonicMs() + readyTimeoutMs;
  while (!(await isSo())) {
    if (clock.monotonicMs() > deadlineMs) throw new NotReady(`${what} did not come up within ${readyTimeoutMs / 1000} s; ${log} says why${lastLine(log)}`);
    await clock.sleep(pollMs, signal);
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
  const { settings } = context;
  const name = `node-${index}`;
  await createNodeNetwork(settings, name, index);
  const files = nodeServices(settings, name, index);
  start(folders, files.containerd);
  await joinNode(context, files, client, authority);
  start(folders, files.agent);
  let podCidr: string | undefined;
  await until(`node ${name}`, join(folders.logs, `${name}-agent.log`), context, async () => {
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
  // Noted before it is done: a merge that is cut off is found again, too.
  recordKubeconfigs(context.settings, knownKubeconfigs(context.settings, context.env));
  for (const file of files) {
    mergeKubeconfig(file, { name: contextName(context.settings), server, authority: certificates.authority, ...certificates.admin });
  }
  return files.map((file) => file.path);
};

const portsOf: Readonly<Record<string, readonly (keyof Ports)[]>> = { etcd: ['etcd', 'etcdPeer'], registry: ['registry'], controller: ['api', 'nodes'] };

/** Throws PreflightFailed. Programs whose supervisor was killed are stopped: nobody would start them again. */
const preflight = async ({ settings, clock }: UpContext): Promise<void> => {
  checkHost();
  const { run, logs } = paths(settings.dataDir);
  const folders = { run, logs };
  const alive = new Set(supervised(folders));
  const orphans = new Set(clusterProcesses(folders).map((found) => found.name).filter((name) => !alive.has(name)));
  checkDisk(settings);
  for (const name of orphans) await stop(folders, name, programGraceMs, clock);
  await checkPorts(settings.ports, Object.entries(portsOf).filter(([name]) => !alive.has(name)).flatMap(([, names]) => names));
};

/** Resolves when the cluster serves and its node is ready. Throws PreflightFailed, NotReady, CommandFailed, the signal's reason. */
export const up = async (context: UpContext): Promise<void> => {
  const { settings, progress, clock, signal } = context;
  const step = <T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return progress.step(title, work);
  };
  await step('this machine has what it takes', () => preflight(context));
  writeSettings(settings);
  const folders = foldersOf(settings);
  const launch = async (spec: ProcessSpec, isUp: () => Promise<boolean>, note: (text: string) => void): Promise<void> => {
    if (!start(folders, spec)) note('already running');
    await until(spec.name, join(folders.logs, `${spec.name}.log`), context, isUp);
  };

  const certificates = await step('certificates', () => ensureCertificates(settings));
  await step('network between host and nodes', () => createHostNetwork(settings));
  // What runs has been compiled; loading both programs would be most of what an `up` that finds all in place costs.
  const running = supervised(folders);
  if (!running.includes('controller') || !running.includes('node-1-agent')) await step('programs compiled', () => compilePrograms(settings));
  await step('etcd', (note) => launch(etcdService(settings), () => accepts(settings.ports.etcd), note));
  await step('registry', async (note) => {
    await launch(registryService(settings), () => answers(fetch(`http://127.0.0.1:${settings.ports.registry}/v2/`)), note);
    await ensurePauseImage(settings);
  });
  const server = `https://127.0.0.1:${settings.ports.api}`;
  const client = new Client({ server, ca: certificates.authority, cert: certificates.admin.certPem, key: certificates.admin.keyPem }, clock);
  try {
    await step('controller', (note) => launch(controllerService(settings), () => answers(client.text('GET', '/readyz')), note));
    await step('node-1', () => startNode(context, folders, client, certificates.authority, 1));
  } finally {
    client.close();
  }
  await step('kubeconfig', async (note) => note(`context ${contextName(settings)} in ${mergeContext(context, certificates, server).join(', ')}`));
};
