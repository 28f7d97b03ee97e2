/** The environment of a container, and `$(VAR)` in its command and arguments. Pure: objects in, pairs out. */
import type { NodeObjects, ObjectKind } from '../objects.ts';
import type { ConfigMap, Container, EnvVar, Pod, PodStatus, Secret } from '../../proto/resources/kubernetes.ts';
import { fieldText, type NodeFacts, resourceText } from './field-ref.ts';
import { RuntimeFailure } from './runtime.ts';

export interface EnvRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly status: PodStatus | undefined;
  readonly node: NodeFacts;
  readonly objects: Pick<NodeObjects, 'get'>;
}

/** `$(NAME)` is replaced where NAME is known and stays as it is where not; `$$` is a dollar sign. */
export const expand = (text: string, values: ReadonlyMap<string, string>): string =>
  text.replaceAll(/\$(?:\$|\(([^)]*)\))/g, (whole: string, name: string | undefined) =>
    name === undefined ? '$' : (values.get(name) ?? whole),
  );

const failure = (message: string): RuntimeFailure => new RuntimeFailure('CreateContainerConfigError', message);

/** As Kubernetes: anything a process can be given, without `=`; names that others make of keys are skipped, not refused. */
const isVariableName = (name: string): boolean => /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name);

/** The texts of a ConfigMap or Secret; undefined when the object is not there. */
export const textsOf = (
  kind: Extract<ObjectKind, 'ConfigMap' | 'Secret'>,
  namespace: string,
  name: string,
  objects: Pick<NodeObjects, 'get'>,
): Readonly<Record<string, string>> | undefined => {
  if (kind === 'ConfigMap') {
    const found = objects.get<ConfigMap>('ConfigMap', namespace, name);
    return found && (found.data ?? {});
  }
  const secret = objects.get<Secret>('Secret', namespace, name);
  if (!secret) return undefined;
  return Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
};

interface KeyRef {
  readonly name?: string;
  readonly key: string;
  readonly optional?: boolean;
}

const keyText = (kind: 'ConfigMap' | 'Secret', ref: KeyRef, { pod, objects }: EnvRequest): string | undefined => {
  const namespace = pod.metadata.namespace ?? '';
  const name = ref.name ?? '';
  const texts = textsOf(kind, namespace, name, objects);
  if (!texts && !ref.optional) throw failure(`${kind.toLowerCase()} "${name}" not found`);
  const text = texts && Object.hasOwn(texts, ref.key) ? texts[ref.key] : undefined;
  if (text === undefined && !ref.optional) throw failure(`couldn't find key ${ref.key} in ${kind} ${namespace}/${name}`);
  return text;
};

const referredText = (variable: EnvVar, request: EnvRequest): string | undefined => {
  const from = variable.valueFrom;
  const { pod, status, node, container } = request;
  if (from?.fieldRef) {
    const text = fieldText(from.fieldRef.fieldPath, pod, status, node);
    if (text === undefined) throw failure(`unsupported fieldPath: ${from.fieldRef.fieldPath}`);
    return text;
  }
  if (from?.resourceFieldRef) {
    const { containerName, resource } = from.resourceFieldRef;
    const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
    const owner = containerName ? all.find(({ name }) => name === containerName) : container;
    if (!owner) throw failure(`container ${containerName} not found`);
    const text = resourceText(from.resourceFieldRef, owner, node);
    if (text === undefined) throw failure(`unsupported container resource: ${resource}`);
    return text;
  }
  if (from?.configMapKeyRef) return keyText('ConfigMap', from.configMapKeyRef, request);
  if (from?.secretKeyRef) return keyText('Secret', from.secretKeyRef, request);
  return '';
};

const addFromSources = (request: EnvRequest, values: Map<string, string>): void => {
  const { pod, container, objects } = request;
  const namespace = pod.metadata.namespace ?? '';
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const kind = configMapRef ? 'ConfigMap' : 'Secret';
    const ref = configMapRef ?? secretRef;
    if (!ref) continue;
    const texts = textsOf(kind, namespace, ref.name ?? '', objects);
    if (!texts && !ref.optional) throw failure(`${kind.toLowerCase()} "${ref.name}" not found`);
    for (const [key, text] of Object.entries(texts ?? {})) {
      if (isVariableName(`${prefix}${key}`)) values.set(`${prefix}${key}`, text);
    }
  }
};

/**
 * All variables in order: envFrom, then env, where a later one may name an earlier one and wins over it. Throws
 * RuntimeFailure CreateContainerConfigError when something it names is not there and not optional.
 */
export const environment = (request: EnvRequest): ReadonlyMap<string, string> => {
  const values = new Map<string, string>();
  addFromSources(request, values);
  for (const variable of request.container.env ?? []) {
    const text = variable.valueFrom ? referredText(variable, request) : expand(variable.value ?? '', values);
    if (text !== undefined) values.set(variable.name, text);
  }
  return values;
};
