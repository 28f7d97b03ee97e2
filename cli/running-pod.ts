/** Which pod, and which of its containers, a command means that talks to what runs. */
import { deploymentKind, type Kind, podKind, replicaSetKind, serviceKind } from '../proto/kinds.ts';
import type { Deployment, KubeObject, Pod, Service } from '../proto/resources/kubernetes.ts';
import { isPodReady } from '../proto/resources/pod.ts';
import { selectorText } from '../proto/resources/selector.ts';
import type { Context } from './context.ts';
import { Refused, UsageError } from './errors.ts';
import { withSuggestion } from './objects.ts';
import { containersOf } from './pod-logs.ts';
import type { Program } from './program.ts';
import { displayName, parseTarget } from './selection.ts';

const isRunning = ({ status, metadata }: Pod): boolean => status?.phase === 'Running' && !metadata.deletionTimestamp;

/** Of the pods with these labels one that runs, a ready one if there is any. */
const onePod = async (owner: string, labelSelector: string, { client, namespace }: Context): Promise<Pod> => {
  const { items } = await client.list<Pod>(podKind, { namespace, labelSelector });
  const running = items.filter(isRunning);
  const pod = running.find(isPodReady) ?? running[0];
  if (!pod) throw new Refused(`no pod of ${owner} runs in namespace "${namespace}"`);
  return pod;
};

const find = <T extends KubeObject>(kind: Kind, name: string, context: Context): Promise<T> =>
  withSuggestion({ kind, namespace: context.namespace, name }, context, () => context.client.get<T>(kind, context.namespace, name));

/** The pod that is meant; of several a ready one. Throws UsageError, Refused, ApiError. */
export const runningPod = async (what: string, context: Context): Promise<Pod> => {
  const { kind, name } = parseTarget([what.includes('/') ? what : `pod/${what}`]);
  if (kind === podKind) return find<Pod>(kind, name, context);
  if (kind !== deploymentKind && kind !== replicaSetKind) throw new UsageError(`${displayName(kind, name)} has no containers; pods, deployments and replicasets have`);
  const owner = await find<Deployment>(kind, name, context);
  return onePod(displayName(kind, name), selectorText(owner.spec?.selector), context);
};

/** As `runningPod`; of a service one of the pods that it leads to, and the service. */
export const forwardedPod = async (what: string, context: Context): Promise<{ readonly pod: Pod; readonly service: Service | undefined }> => {
  const { kind, name } = parseTarget([what.includes('/') ? what : `pod/${what}`]);
  if (kind !== serviceKind) return { pod: await runningPod(what, context), service: undefined };
  const service = await find<Service>(kind, name, context);
  const { selector } = service.spec ?? {};
  if (!selector) throw new Refused(`${displayName(kind, name)} selects no pods`);
  return { pod: await onePod(displayName(kind, name), selectorText({ matchLabels: selector }), context), service };
};

/** The container that is meant, which is said where nobody has named it. */
export const containerOf = (pod: Pod, container: string | undefined, { stderr }: Program): string => {
  const [chosen = ''] = containersOf(pod, { container, allContainers: false });
  const names = (pod.spec?.containers ?? []).map(({ name }) => name);
  if (container === undefined && names.length > 1) stderr.write(`Defaulted container "${chosen}" out of: ${names.join(', ')}\n`);
  return chosen;
};
