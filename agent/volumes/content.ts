/** What is in configMap, secret, downwardAPI and projected volumes: objects in, files out. Pure. */
import type { ConfigMap, Container, Pod, Secret, Volume } from '../../proto/resources/kubernetes.ts';
import type { NodeObjects } from '../objects.ts';
import { fieldText, type NodeFacts, resourceText } from '../runtime/field-ref.ts';
import { RuntimeFailure } from '../runtime/runtime.ts';
import { type FileContent, type FolderContent, isSafePath } from './atomic-folder.ts';

export interface ContentRequest {
  readonly pod: Pod;
  readonly node: NodeFacts;
  readonly objects: Pick<NodeObjects, 'get'>;
}

type Projection = NonNullable<NonNullable<NonNullable<Volume['projected']>['sources']>[number]>;
type Item = { readonly key: string; readonly path: string; readonly mode?: number };
type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

const defaultModeBits = 0o644;

export const failedMount = (volume: string, why: string): RuntimeFailure => new RuntimeFailure('FailedMount', `MountVolume.SetUp failed for volume "${volume}" : ${why}`);

/** Keys of the object as they are, or those that `items` name under the names that it gives. */
const select = (volume: string, source: string, data: ReadonlyMap<string, Buffer>, items: readonly Item[] | undefined, optional: boolean, mode: number): FolderContent => {
  if (!items || items.length === 0) return new Map([...data].map(([key, bytes]) => [key, { data: bytes, mode }]));
  const files = new Map<string, FileContent>();
  for (const { key, path, mode: own } of items) {
    const bytes = data.get(key);
    if (!isSafePath(path)) throw failedMount(volume, `invalid path ${JSON.stringify(path)}`);
    if (bytes) files.set(path, { data: bytes, mode: own ?? mode });
    else if (!optional) throw failedMount(volume, `references non-existent ${source} key: ${key}`);
  }
  return files;
};

const configMapData = ({ data, binaryData }: ConfigMap): ReadonlyMap<string, Buffer> =>
  new Map([
    ...Object.entries(data ?? {}).map(([key, text]): [string, Buffer] => [key, Buffer.from(text)]),
    ...Object.entries(binaryData ?? {}).map(([key, text]): [string, Buffer] => [key, Buffer.from(text, 'base64')]),
  ]);

const secretData = ({ data }: Secret): ReadonlyMap<string, Buffer> =>
  new Map(Object.entries(data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')]));

interface ObjectSource {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  readonly items: readonly Item[] | undefined;
  readonly optional: boolean;
  readonly mode: number;
}

const objectFiles = (volume: string, { kind, name, items, optional, mode }: ObjectSource, { pod, objects }: ContentRequest): FolderContent => {
  const namespace = pod.metadata.namespace ?? '';
  const found = kind === 'ConfigMap' ? objects.get<ConfigMap>(kind, namespace, name) : objects.get<Secret>(kind, namespace, name);
  if (!found && !optional) throw failedMount(volume, `${kind.toLowerCase()} "${name}" not found`);
  const data = found === undefined ? new Map<string, Buffer>() : found.kind === 'ConfigMap' ? configMapData(found) : secretData(found as Secret);
  return select(volume, kind.toLowerCase(), data, found ? items : undefined, optional, mode);
};

const downwardText = (volume: string, item: DownwardItem, { pod, node }: ContentRequest): string => {
  const { fieldRef, resourceFieldRef } = item;
  const containers: Container[] = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const container = resourceFieldRef && containers.find(({ name }) => name === resourceFieldRef.containerName);
  const text = fieldRef
    ? fieldText(fieldRef.fieldPath, pod, undefined, node)
    : resourceFieldRef && container
      ? resourceText(resourceFieldRef, container, node)
      : undefined;
  if (text === undefined) throw failedMount(volume, `${item.path} names neither a field of the pod nor a resource of one of its containers`);
  return text;
};

const downwardFiles = (volume: string, items: readonly DownwardItem[] | undefined, mode: number, request: ContentRequest): FolderContent => {
  const files = new Map<string, FileContent>();
  for (const item of items ?? []) {
    if (!isSafePath(item.path)) throw failedMount(volume, `invalid path ${JSON.stringify(item.path)}`);
    files.set(item.path, { data: Buffer.from(downwardText(volume, item, request)), mode: item.mode ?? mode });
  }
  return files;
};

const projectedFiles = (volume: string, source: Projection, mode: number, request: ContentRequest): FolderContent => {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  const object = configMap ?? secret;
  if (object) {
    const { name = '', items, optional = false } = object;
    return objectFiles(volume, { kind: configMap ? 'ConfigMap' : 'Secret', name, items, optional, mode }, request);
  }
  if (downwardAPI) return downwardFiles(volume, downwardAPI.items, mode, request);
  if (serviceAccountToken) throw failedMount(volume, 'Berth issues no service account tokens yet; leave the serviceAccountToken source out');
  throw failedMount(volume, 'a projected source is of a type that Berth does not support');
};

/** Undefined when the volume is not made of objects. Throws RuntimeFailure FailedMount while something it needs is not there. */
export const volumeContent = (volume: Volume, request: ContentRequest): FolderContent | undefined => {
  const { name, configMap, secret, downwardAPI, projected } = volume;
  if (configMap) {
    const { name: object = '', items, optional = false, defaultMode = defaultModeBits } = configMap;
    return objectFiles(name, { kind: 'ConfigMap', name: object, items, optional, mode: defaultMode }, request);
  }
  if (secret) {
    const { secretName: object = '', items, optional = false, defaultMode = defaultModeBits } = secret;
    return objectFiles(name, { kind: 'Secret', name: object, items, optional, mode: defaultMode }, request);
  }
  if (downwardAPI) return downwardFiles(name, downwardAPI.items, downwardAPI.defaultMode ?? defaultModeBits, request);
  if (!projected) return undefined;
  const mode = projected.defaultMode ?? defaultModeBits;
  return new Map((projected.sources ?? []).flatMap((source) => [...projectedFiles(name, source, mode, request)]));
};

/** `Kind/namespace/name` of every object that the volume is made of. */
export const volumeObjects = (volume: Volume, namespace: string): string[] => {
  const sources = [{ configMap: volume.configMap, secret: volume.secret && { name: volume.secret.secretName } }, ...(volume.projected?.sources ?? [])];
  return sources.flatMap(({ configMap, secret }) => [
    ...(configMap?.name ? [`ConfigMap/${namespace}/${configMap.name}`] : []),
    ...(secret?.name ? [`Secret/${namespace}/${secret.name}`] : []),
  ]);
};

/** Secrets are kept in memory, so that they never reach a disk. */
export const isInMemory = (volume: Volume): boolean => volume.secret !== undefined || (volume.projected?.sources ?? []).some(({ secret }) => secret !== undefined);
