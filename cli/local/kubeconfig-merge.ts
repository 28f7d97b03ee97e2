/** Adds a cluster to a kubeconfig and takes it out again; what else is in the file stays as it is, comments too. */
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml';

export interface KubeconfigEntry {
  /** Of the context, the cluster and the user alike. */
  readonly name: string;
  readonly server: string;
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
  if (named) return [{ path: named }];
  const own = env['HOME'] || homedir();
  const [uid, gid] = [Number(env['SUDO_UID'] ?? 0), Number(env['SUDO_GID'] ?? 0)];
  const home = uid === 0 ? undefined : readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':')).find((entry) => entry[2] === String(uid))?.[5];
  return [
    { path: join(own, '.kube', 'config') },
    ...(home && home !== own ? [{ path: join(home, '.kube', 'config'), owner: { uid, gid } }] : []),
  ];
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const setNamed = (document: Document, list: string, name: string, value: object | undefined): void => {
  const items = document.get(list);
  const kept = isSeq(items) ? items.items.filter((item) => !(isMap(item) && (item as YAMLMap).get('name') === name)) : [];
  document.set(list, document.createNode([]));
  const target = document.get(list);
  if (isSeq(target)) target.items = [...kept, ...(value ? [document.createNode({ name, ...value })] : [])];
};

const load = (file: string): Document => {
  const document = parseDocument(existsSync(file) ? readFileSync(file, 'utf8') : '');
  if (document.errors.length > 0) throw new Error(`${file} is not valid YAML (${document.errors[0]?.message ?? ''}); mend it or set KUBECONFIG to another file`);
  if (!isMap(document.contents)) {
    document.contents = document.createNode({ apiVersion: 'v1', kind: 'Config', clusters: [], contexts: [], users: [], 'current-context': '' }) as never;
  }
  return document;
};

const save = ({ path, owner }: KubeconfigFile, document: Document): void => {
  const isNew = mkdirSync(dirname(path), { recursive: true, mode: 0o700 }) !== undefined;
  const next = `${path}.berth-${process.pid}`;
  writeFileSync(next, document.toString(), { mode: 0o600 });
  if (owner) chownSync(next, owner.uid, owner.gid);
  if (owner && isNew) chownSync(dirname(path), owner.uid, owner.gid);
  renameSync(next, path);
};

/** Merges the entry and makes its context current. */
export const mergeKubeconfig = (file: KubeconfigFile, entry: KubeconfigEntry): void => {
  const document = load(file.path);
  setNamed(document, 'clusters', entry.name, { cluster: { server: entry.server, 'certificate-authority-data': base64(entry.authority) } });
  setNamed(document, 'users', entry.name, {
    user: { 'client-certificate-data': base64(entry.certPem), 'client-key-data': base64(entry.keyPem) },
  });
  setNamed(document, 'contexts', entry.name, { context: { cluster: entry.name, user: entry.name, namespace: 'default' } });
  document.set('current-context', entry.name);
  save(file, document);
};

/** Removes the entry; a current context that pointed at it is cleared. */
export const removeFromKubeconfig = (file: KubeconfigFile, name: string): void => {
  if (!existsSync(file.path)) return;
  const document = load(file.path);
  for (const list of ['clusters', 'users', 'contexts']) setNamed(document, list, name, undefined);
  if (document.get('current-context') === name) document.set('current-context', '');
  save(file, document);
};
