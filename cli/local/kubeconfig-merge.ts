/** Adds a cluster to a kubeconfig and takes it out again; what else is in the file stays as it is, comments too. */
import { chownSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml';
import { writeDurably } from '../../proto/process/durable-file.ts';
import { serversExtension } from '../context.ts';
import { type ClusterSettings, paths } from './settings.ts';

export interface KubeconfigEntry {
  /** Of the context, the cluster and the user alike. */
  readonly name: string;
  readonly server: string;
  /** All of them, where there are several: kubectl knows the first alone. */
  readonly servers?: readonly string[];
  readonly authority: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export interface KubeconfigFile {
  readonly path: string;
  /** Who owns the file and its folder: under sudo, the person who called it. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * The files that changes go to: the first of $KUBECONFIG, else ~/.kube/config. Under sudo that is the file of the
 * person who called it as well as root's, so that `berth get pods` works with and without sudo afterwards.
 */
export const kubeconfigFiles = (env: NodeJS.ProcessEnv): readonly KubeconfigFile[] => {
  const named = (env['KUBECONFIG'] ?? '').split(delimiter).find((file) => file !== '');
  const [uid, gid] = [Number(env['SUDO_UID'] ?? 0), Number(env['SUDO_GID'] ?? 0)];
  if (named) return [{ path: resolve(named), ...(uid === 0 ? {} : { owner: { uid, gid } }) }];
  const own = env['HOME'] || homedir();
  const home = uid === 0 ? undefined : readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':')).find((entry) => entry[2] === String(uid))?.[5];
  return [
    { path: join(own, '.kube', 'config') },
    ...(home && home !== own ? [{ path: join(home, '.kube', 'config'), owner: { uid, gid } }] : []),
  ];
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Sets or, with undefined, removes one entry of a list; its neighbours keep their comments. */
const setNamed = (document: Document, list: string, name: string, value: object | undefined): void => {
  if (!isSeq(document.get(list))) document.set(list, document.createNode([]));
  const target = document.get(list);
  if (!isSeq(target)) return;
  target.items = target.items.filter((item) => !(isMap(item) && (item as YAMLMap).get('name') === name));
  if (value) target.items.push(document.createNode({ name, ...value }));
  // `[]` on one line would keep what is put into it on one line, too.
  target.flow = target.items.length === 0;
};

const load = (file: string): Document => {
  const document = parseDocument(existsSync(file) ? readFileSync(file, 'utf8') : '');
  if (document.errors.length > 0) throw new Error(`${file} is not valid YAML (${document.errors[0]?.message.split('\n')[0] ?? ''}); mend it or set KUBECONFIG to another file`);
  if (!isMap(document.contents)) {
    document.contents = document.createNode({ apiVersion: 'v1', kind: 'Config', clusters: [], contexts: [], users: [], 'current-context': '' }) as never;
  }
  return document;
};

/** Replaces the file in one step. One that was there keeps its owner and its mode; a link stays a link. */
const save = ({ path, owner }: KubeconfigFile, document: Document): void => {
  const created = mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const target = existsSync(path) ? realpathSync(path) : path;
  const before = existsSync(target) ? statSync(target) : undefined;
  const next = `${target}.berth-${process.pid}`;
  writeFileSync(next, document.toString(), { mode: before ? before.mode & 0o777 : 0o600, flush: true });
  const { uid, gid } = before ?? owner ?? {};
  if (uid !== undefined && gid !== undefined) chownSync(next, uid, gid);
  for (let folder = dirname(path); created && owner && folder.length >= created.length; folder = dirname(folder)) chownSync(folder, owner.uid, owner.gid);
  renameSync(next, target);
};

/** Merges the entry and makes its context current. */
export const mergeKubeconfig = (file: KubeconfigFile, entry: KubeconfigEntry): void => {
  const document = load(file.path);
  const extensions = entry.servers ? { extensions: [{ name: serversExtension, extension: { servers: entry.servers } }] } : {};
  setNamed(document, 'clusters', entry.name, { cluster: { server: entry.server, 'certificate-authority-data': base64(entry.authority), ...extensions } });
  setNamed(document, 'users', entry.name, {
    user: { 'client-certificate-data': base64(entry.certPem), 'client-key-data': base64(entry.keyPem) },
  });
  setNamed(document, 'contexts', entry.name, { context: { cluster: entry.name, user: entry.name, namespace: 'default' } });
  document.set('current-context', entry.name);
  save(file, document);
};

const named = (document: Document, list: string, name: string): YAMLMap | undefined => {
  const items = document.get(list);
  return isSeq(items) ? items.items.filter((item) => isMap(item)).find((item) => (item as YAMLMap).get('name') === name) as YAMLMap | undefined : undefined;
};

/**
 * Adds servers to those that the cluster of this name has, in whatever form it names its certificates. Does nothing where
 * there is no such cluster, and where all are there.
 */
export const addServers = (file: KubeconfigFile, name: string, servers: readonly string[]): void => {
  const document = load(file.path);
  const cluster = named(document, 'clusters', name)?.get('cluster');
  if (!isMap(cluster)) return;
  const { server, extensions = [] } = cluster.toJS(document) as { server?: string; extensions?: { name?: string; extension?: { servers?: string[] } }[] };
  const before = extensions.find((one) => one.name === serversExtension)?.extension?.servers ?? [];
  const all = [...new Set([...(server ? [server] : []), ...before, ...servers])];
  if (all.length === Math.max(1, before.length)) return;
  cluster.set('extensions', document.createNode([...extensions.filter((one) => one.name !== serversExtension), { name: serversExtension, extension: { servers: all } }]));
  save(file, document);
};

/**
 * Removes the entry; a current context that pointed at it is cleared. With `authority`, an entry of that name that
 * trusts another authority stays: it is another cluster's.
 */
export const removeFromKubeconfig = (file: KubeconfigFile, name: string, authority?: string): void => {
  if (!existsSync(file.path)) return;
  const document = load(file.path);
  const cluster = named(document, 'clusters', name);
  if (!cluster && !named(document, 'contexts', name)) return;
  if (authority && cluster && cluster.getIn(['cluster', 'certificate-authority-data']) !== base64(authority)) return;
  for (const list of ['clusters', 'users', 'contexts']) setNamed(document, list, name, undefined);
  if (document.get('current-context') === name) document.set('current-context', '');
  save(file, document);
};

const recordOf = (settings: ClusterSettings): string => join(paths(settings.dataDir).config, 'kubeconfigs.json');

/** What `up` noted; nothing where a power cut, or a version before this was written durably, has left half a file. */
const recorded = (settings: ClusterSettings): readonly KubeconfigFile[] => {
  try {
    return JSON.parse(readFileSync(recordOf(settings), 'utf8')) as KubeconfigFile[];
  } catch {
    return [];
  }
};

/** The files to take the context out of: those that `up` wrote to, also from another shell with another $KUBECONFIG, and those of now. */
export const knownKubeconfigs = (settings: ClusterSettings, env: NodeJS.ProcessEnv): readonly KubeconfigFile[] => {
  const all = [...recorded(settings), ...kubeconfigFiles(env)];
  return all.filter((file, index) => all.findIndex((other) => other.path === file.path) === index);
};

/** Keeps in mind which files hold the context. */
export const recordKubeconfigs = (settings: ClusterSettings, files: readonly KubeconfigFile[]): void => {
  writeDurably(recordOf(settings), `${JSON.stringify(files)}\n`);
};
