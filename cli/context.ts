/** Which cluster, as whom and in which namespace a command works: the kubeconfig's present context, or what flags say. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { Client, type ClientSettings } from '../proto/client.ts';
import type { Clock } from '../proto/process/clock.ts';
import { UsageError } from './errors.ts';
import type { Program } from './program.ts';
import { printable } from './terminal-text.ts';

/** Flags that every command of the API takes. */
export interface ContextArguments {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

export interface Context {
  readonly name: string;
  readonly client: Client;
  readonly namespace: string;
}

interface Named<T> {
  name: string;
  value: T;
}

interface KubeconfigCluster {
  server?: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'insecure-skip-tls-verify'?: boolean;
  /** Kept by kubectl, and read by nobody else: ours says where the other servers of the cluster are. */
  extensions?: { name?: string; extension?: unknown }[];
}

interface KubeconfigUser {
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  token?: string;
  tokenFile?: string;
  exec?: unknown;
}

interface KubeconfigContext {
  cluster?: string;
  user?: string;
  namespace?: string;
}

interface Kubeconfig {
  currentContext: string;
  clusters: Named<KubeconfigCluster & { dir: string }>[];
  users: Named<KubeconfigUser & { dir: string }>[];
  contexts: Named<KubeconfigContext>[];
}

type RawList = { name: string; [key: string]: unknown }[] | undefined | null;

const named = <T>(list: RawList, key: string, dir: string): Named<T & { dir: string }>[] =>
  (list ?? []).map((item) => ({ name: item.name, value: { ...(item[key] as T), dir } }));

/** The files of $KUBECONFIG merged as kubectl does: the first that names a thing wins. */
const load = (files: readonly string[]): Kubeconfig => {
  const merged: Kubeconfig = { currentContext: '', clusters: [], users: [], contexts: [] };
  for (const file of files.filter((path) => existsSync(path))) {
    let raw: Record<string, unknown> | null;
    try {
      raw = parse(readFileSync(file, 'utf8')) as Record<string, unknown> | null;
    } catch (error) {
      throw new UsageError(`${file} cannot be read as a kubeconfig: ${(error as Error).message.split('\n')[0]}`);
    }
    const dir = dirname(resolve(file));
    merged.currentContext ||= (raw?.['current-context'] as string | undefined) ?? '';
    merged.clusters.push(...named<KubeconfigCluster>(raw?.['clusters'] as RawList, 'cluster', dir));
    merged.users.push(...named<KubeconfigUser>(raw?.['users'] as RawList, 'user', dir));
    merged.contexts.push(...named<KubeconfigContext>(raw?.['contexts'] as RawList, 'context', dir));
  }
  return merged;
};

const find = <T>(list: readonly Named<T>[], name: string | undefined): T | undefined => list.find((item) => item.name === name)?.value;

/** Of a file that the kubeconfig names. Throws UsageError. */
const textOf = (file: string, dir: string): string => {
  const path = resolve(dir, file);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${path}, which the kubeconfig names, ${code === 'ENOENT' ? 'is not there' : `cannot be read (${code})${code === 'EACCES' ? '; run it again with sudo' : ''}`}`);
  }
};

const material = (data: string | undefined, file: string | undefined, dir: string): string | undefined =>
  data ? Buffer.from(data, 'base64').toString() : file ? textOf(file, dir) : undefined;

const present = <T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: NonNullable<T[K]> };

/** In a cluster of a kubeconfig: `extensions: [{ name: berth, extension: { servers: [https://…] } }]`, all servers of the cluster. */
export const serversExtension = 'berth';

const serversOf = ({ extensions = [] }: KubeconfigCluster): readonly string[] | undefined => {
  const { servers } = (extensions.find(({ name }) => name === serversExtension)?.extension ?? {}) as { servers?: unknown };
  return Array.isArray(servers) && servers.length > 0 ? servers.filter((server) => typeof server === 'string') : undefined;
};

const settingsOf = (cluster: KubeconfigCluster & { dir: string }, user: KubeconfigUser & { dir: string }): ClientSettings => ({
  server: cluster.server ?? '',
  ...present({
    servers: serversOf(cluster),
    ca: material(cluster['certificate-authority-data'], cluster['certificate-authority'], cluster.dir),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'],
    cert: material(user['client-certificate-data'], user['client-certificate'], user.dir),
    key: material(user['client-key-data'], user['client-key'], user.dir),
    token: user.token ?? (user.tokenFile ? textOf(user.tokenFile, user.dir).trim() : undefined),
  }),
});

/** Throws UsageError when no context can be had; its words say how to get one. */
export const openContext = (args: ContextArguments, env: NodeJS.ProcessEnv, clock: Clock, onWarning?: (text: string) => void): Context => {
  const files = args.kubeconfig ? [args.kubeconfig] : (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  // Of several files some may be missing; one that is asked for may not.
  if (args.kubeconfig && !existsSync(args.kubeconfig)) throw new UsageError(`--kubeconfig ${args.kubeconfig} is not there`);
  if (files.length === 0) files.push(join(env['HOME'] || homedir(), '.kube', 'config'));
  const config = load(files);
  const name = args.context ?? config.currentContext;
  if (!name) throw new UsageError(`no cluster is chosen in ${files.join(', ')}; start one with "sudo berth up", or name one with --context`);
  const context = find(config.contexts, name);
  if (!context) {
    const known = config.contexts.map((item) => item.name).join(', ') || 'none';
    throw new UsageError(`there is no context "${name}" in ${files.join(', ')}; there is: ${known}`);
  }
  const cluster = find(config.clusters, context.cluster);
  if (!cluster?.server) throw new UsageError(`context "${name}" names the cluster "${context.cluster ?? ''}", which the kubeconfig does not hold`);
  const user = find(config.users, context.user) ?? { dir: '' };
  if (user.exec) throw new UsageError(`context "${name}" gets its credentials from a plugin (exec), which berth does not run; use kubectl, or a client certificate or token`);
  return { name, client: new Client({ ...settingsOf(cluster, user), ...(onWarning ? { onWarning } : {}) }, clock), namespace: args.namespace ?? context.namespace ?? 'default' };
};

/** Shows a warning of the server's, or of a command's own. */
export const showWarning = ({ stderr, isColoured }: Program) => (text: string): void =>
  stderr.write(`${isColoured ? '\u001b[33mWarning:\u001b[0m' : 'Warning:'} ${printable(text)}\n`);

/** As `openContext`, for a running program: warnings of the server go to its stderr. */
export const contextOf = (args: ContextArguments, program: Program): Context => openContext(args, program.env, program.clock, showWarning(program));
