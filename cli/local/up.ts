/** Brings a local cluster up, and finds in place what is. Each step is idempotent, so that `up` after a crash mends. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '../../proto/client.ts';
import type { Clock } from '../../proto/process/clock.ts';
import { createHostNetwork } from './host-network.ts';
import { buildPauseImage } from './images.ts';
import { kubeconfigFiles, knownKubeconfigs, mergeKubeconfig, recordKubeconfigs } from './kubeconfig-merge.ts';
import { startNode } from './nodes.ts';
import { ensureCertificates, type LocalCertificates } from './pki.ts';
import { checkDisk, checkHost, checkPorts } from './preflight.ts';
import { clusterProcesses, type ProcessFolders, type ProcessSpec, start, stop, supervised } from './processes.ts';
import type { Progress } from './progress.ts';
import { accepts, answers, until } from './readiness.ts';
import { compilePrograms, controllerService, etcdService, registryService } from './services.ts';
import { type ClusterSettings, contextName, nodeName, paths, pauseImage, type Ports, writeSettings } from './settings.ts';

export interface UpContext {
  readonly settings: ClusterSettings;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  /** Cuts it off between two steps or while it waits; what is done stays. */
  readonly signal: AbortSignal;
}

const programGraceMs = 5_000;

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

/** Resolves when the cluster serves and its nodes are ready. Throws PreflightFailed, NotReady, CommandFailed, the signal's reason. */
export const up = async (context: UpContext): Promise<void> => {
  const { settings, progress, clock, signal } = context;
  const step = <T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return progress.step(title, work);
  };
  await step('this machine has what it takes', () => preflight(context));
  writeSettings(settings);
  const folders = foldersOf(settings);
  const launch = async (spec: ProcessSpec, isUp: (signal: AbortSignal) => Promise<boolean>, note: (text: string) => void): Promise<void> => {
    if (!start(folders, spec)) note('already running');
    await until(spec.name, join(folders.logs, `${spec.name}.log`), context, isUp);
  };

  const certificates = await step('certificates', () => ensureCertificates(settings));
  await step('network between host and nodes', () => createHostNetwork(settings));
  await step('programs compiled', () => compilePrograms(settings));
  await step('etcd', (note) => launch(etcdService(settings), () => accepts(settings.ports.etcd), note));
  await step('registry', async (note) => {
    await launch(registryService(settings), () => answers(fetch(`http://127.0.0.1:${settings.ports.registry}/v2/`)), note);
    await ensurePauseImage(settings);
  });
  const server = `https://127.0.0.1:${settings.ports.api}`;
  const client = new Client({ server, ca: certificates.authority, cert: certificates.admin.certPem, key: certificates.admin.keyPem }, clock);
  try {
    await step('controller', (note) => launch(controllerService(settings), (attempt) => answers(client.text('GET', '/readyz', { signal: attempt })), note));
    const nodes = { settings, client, clock, signal, authority: certificates.authority };
    await Promise.all(settings.nodes.map((index) => step(nodeName(index), async (note) => {
      if (!(await startNode(nodes, index))) note('already running');
    })));
  } finally {
    client.close();
  }
  await step('kubeconfig', async (note) => note(`context ${contextName(settings)} in ${mergeContext(context, certificates, server).join(', ')}`));
};
