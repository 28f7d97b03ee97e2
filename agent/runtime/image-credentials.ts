/** Which of a pod's imagePullSecrets fit an image, most specific first. Pure. */
import type { Pod, Secret, ServiceAccount } from '../../proto/resources/kubernetes.ts';
import type { NodeObjects } from '../objects.ts';
import type { AuthConfig } from './cri-messages.ts';
import { type ImageReference, repositoryOf } from './image-reference.ts';

interface Entry {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

const parseJson = (base64: string): unknown => {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString()) as unknown;
  } catch {
    // A secret that is no JSON holds no credentials; the pull fails with the registry's own words.
    return undefined;
  }
};

const entriesOf = (secret: Secret): Readonly<Record<string, Entry>> => {
  const current = secret.data?.['.dockerconfigjson'];
  const legacy = secret.data?.['.dockercfg'];
  if (secret.type === 'kubernetes.io/dockerconfigjson' && current) return (parseJson(current) as { auths?: Record<string, Entry> } | undefined)?.auths ?? {};
  if (secret.type === 'kubernetes.io/dockercfg' && legacy) return (parseJson(legacy) as Record<string, Entry> | undefined) ?? {};
  return {};
};

/** `https://index.docker.io/v1/` and `docker.io` are the same registry. */
const normalizedKey = (key: string): string => {
  const bare = key.replace(/^https?:\/\//, '').replace(/\/v[12]\/?$/, '').replace(/\/+$/, '');
  return bare.replace(/^index\.docker\.io(?=\/|$)/, 'docker.io');
};

/** Whether `*.example.com/team` covers `a.example.com/team/app`: a star stands for one label of the host. */
export const covers = (key: string, repository: string): boolean => {
  const [keyHost = '', ...keyPath] = normalizedKey(key).split('/');
  const [host = '', ...path] = repository.split('/');
  const keyLabels = keyHost.split('.');
  const labels = host.split('.');
  if (keyLabels.length !== labels.length) return false;
  if (!keyLabels.every((label, index) => label === '*' || label === labels[index])) return false;
  return keyPath.every((part, index) => part === path[index]);
};

/** Without a server address: containerd compares it with the host that it asks, which for mirrors and docker.io is another. */
const toAuth = (entry: Entry): AuthConfig => {
  const decoded = entry.auth ? Buffer.from(entry.auth, 'base64').toString() : '';
  const colon = decoded.indexOf(':');
  return {
    username: entry.username || (colon < 0 ? '' : decoded.slice(0, colon)),
    password: entry.password || (colon < 0 ? '' : decoded.slice(colon + 1)),
    identity_token: entry.identitytoken ?? '',
    registry_token: entry.registrytoken ?? '',
  };
};

/** The pod's own secrets; the service account's where the pod names none. */
const secretNames = (pod: Pod, objects: Pick<NodeObjects, 'get'>): string[] => {
  const own = pod.spec?.imagePullSecrets ?? [];
  const account = objects.get<ServiceAccount>('ServiceAccount', pod.metadata.namespace ?? '', pod.spec?.serviceAccountName || 'default');
  return (own.length > 0 ? own : (account?.imagePullSecrets ?? [])).flatMap(({ name }) => name ?? []);
};

/** Empty when none fits: the image is then pulled without credentials. */
export const credentialsFor = (reference: ImageReference, pod: Pod, objects: Pick<NodeObjects, 'get'>): AuthConfig[] => {
  const repository = repositoryOf(reference);
  const found: { key: string; auth: AuthConfig }[] = [];
  for (const name of secretNames(pod, objects)) {
    const secret = objects.get<Secret>('Secret', pod.metadata.namespace ?? '', name);
    if (!secret) continue;
    for (const [key, entry] of Object.entries(entriesOf(secret))) {
      if (covers(key, repository)) found.push({ key: normalizedKey(key), auth: toAuth(entry) });
    }
  }
  return found.sort((a, b) => b.key.length - a.key.length).map(({ auth }) => auth);
};
