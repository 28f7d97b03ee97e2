/** Brings a local cluster up, and finds in place what is. Each step is idempotent, so that `up` after a crash mends. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../proto/process/clock.ts';
import { apiUrl, openAdmin } from './admin.ts';
import { controllerNames, startControllers } from './controllers.ts';
import { etcdMembers, etcdService } from './etcd.ts';
import { createHostNetwork } from './host-network.ts';
import { buildPauseImage } from './images.ts';
import { kubeconfigFiles, knownKubeconfigs, mergeKubeconfig, recordKubeconfigs } from './kubeconfig-merge.ts';
import { startNode } from './nodes.ts';
import { ensureCertificates, type LocalCertificates } from './pki.ts';
import { checkDisk, checkHost, checkPorts } from './preflight.ts';
import { clusterProcesses, type ProcessFolders, type ProcessSpec, start, stop, supervised } from './processes.ts';
import type { Progress } from './progress.ts';
import { accepts, answers, until } from './readiness.ts';
import { finishRestore, isRestorePending } from './restore.ts';
import { compilePrograms, registryService } from './services.ts';
import { type ClusterSettings, contextName, nodeName, paths, pauseImage, type Ports, writeSettings } from './settings.ts';
import { together } from './together.ts';

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

const mergeContext = (context: UpContext, certificates: LocalCertificates): readonly string[] => {
  const files = kubeconfigFiles(context.env);
  // Noted before it is done: a merge that is cut off is found again, too.
  recordKubeconfigs(context.settings, knownKubeconfigs(context.settings, context.env));
  for (const file of files) {
    mergeKubeconfig(file, { name: contextName(context.settings), server: apiUrl(context.settings), authority: certificates.authority, ...certificates.admin });
  }
  return files.map((file) => file.path);
};

const memberOf = (processName: string): string => processName.replace(/-\d+$/, '');
const portsOf: Readonly<Record<string, readonly (keyof Ports)[]>> = { etcd: ['etcd', 'etcdPeer'], registry: ['registry'], controller: ['api', 'nodes'] };

/** Throws PreflightFailed. Programs whose supervisor was killed are stopped: nobody would start them again. */
const preflight = async ({ settings, clock }: UpContext): Promise<void> => {
  checkHost();
  const folders = paths(settings.dataDir);
  const alive = new Set(supervised(folders));
  const orphans = new Set(clusterProcesses(folders).map((found) => found.name).filter((name) => !alive.has(name)));
  checkDisk(settings);
  await Promise.all([...orphans].map((name) => stop(folders, name, programGraceMs, clock)));
  const held = new Set([...alive].map(memberOf));
  await checkPorts(settings.ports, Object.entries(portsOf).filter(([name]) => !held.has(name)).flatMap(([, names]) => names));
};

type Step = <T>(title: string, work: (note: (text: string) => void) => Promise<T>) => Promise<T>;

/** Whether every controller and agent is there already. */
const allRun = (settings: ClusterSettings, folders: ProcessFolders): boolean => {
  const running = new Set(supervised(folders));
  return [...controllerNames(settings), ...settings.nodes.map((index) => `${nodeName(index)}-agent`)].every((name) => running.has(name));
};

/** What the control plane stands on, and what takes no part of it: side by side. */
const startFoundation = async (context: UpContext, folders: ProcessFolders, step: Step): Promise<void> => {
  const { settings } = context;
  const launch = async (spec: ProcessSpec, isUp: () => Promise<boolean>, note: (text: string) => void): Promise<void> => {
    if (!start(folders, spec)) note('already running');
    await until(spec.name, join(folders.logs, `${spec.name}.log`), context, isUp);
  };
  await together([
    step('network between host and nodes', () => createHostNetwork(settings)),
    // What runs has been compiled; loading both programs would be most of what an `up` that finds all in place costs.
    ...(allRun(settings, folders) ? [] : [step('programs compiled', () => compilePrograms(settings))]),
    ...etcdMembers(settings).map((member) =>
      step(member.name, (note) => launch(etcdService(settings, member), () => accepts(settings.ports.etcd, member.address), note))),
    step('registry', async (note) => {
      await launch(registryService(settings), () => answers(fetch(`http://127.0.0.1:${settings.ports.registry}/v2/`)), note);
      await ensurePauseImage(settings);
    }),
  ]);
};

/** Resolves when the cluster serves and its nodes are ready. Throws PreflightFailed, NotReady, CommandFailed, the signal's reason. */
export const up = async (context: UpContext): Promise<void> => {
  const { settings, progress, clock, signal } = context;
  const step: Step = (title, work) => {
    signal.throwIfAborted();
    return progress.step(title, work);
  };
  await step('this machine has what it takes', () => preflight(context));
  writeSettings(settings);
  const folders = foldersOf(settings);
  if (isRestorePending(settings)) await step('the backup’s state put in place', () => finishRestore(settings, folders, clock));
  const certificates = await step('certificates', () => ensureCertificates(settings));
  await startFoundation(context, folders, step);
  const client = openAdmin(settings, certificates, clock);
  try {
    await step(settings.controllers === 1 ? 'controller' : `controllers (${settings.controllers})`, async (note) => {
      if (!(await startControllers(settings, folders, clock))) note('already running');
      await until('the controller', join(folders.logs, 'controller.log'), context, (attempt) => answers(client.text('GET', '/readyz', { signal: attempt })));
    });
    const nodes = { settings, client, clock, signal, authority: certificates.authority };
    await together(settings.nodes.map((index) => step(nodeName(index), async (note) => {
      if (!(await startNode(nodes, index))) note('already running');
    })));
  } finally {
    client.close();
  }
  await step('kubeconfig', async (note) => note(`context ${contextName(settings)} in ${mergeContext(context, certificates).join(', ')}`));
};
