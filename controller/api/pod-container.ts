/** Which container of a pod a request means, and on which node it is. */
import { badRequest } from '../../proto/errors.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';

const containerNames = ({ spec }: Pod): { regular: string[]; all: string[] } => {
  const regular = (spec?.containers ?? []).map(({ name }) => name);
  const init = (spec?.initContainers ?? []).map(({ name }) => name);
  return { regular, all: [...regular, ...init, ...(spec?.ephemeralContainers ?? []).map(({ name }) => name)] };
};

const defaultContainerAnnotation = 'kubectl.kubernetes.io/default-container';

/** @throws ApiError BadRequest when there is none of the name, or several to choose from */
export const containerOf = (pod: Pod, asked: string | undefined): string => {
  const podName = pod.metadata.name ?? '';
  const { regular, all } = containerNames(pod);
  if (asked !== undefined) {
    if (!all.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${podName}`);
    return asked;
  }
  const preferred = pod.metadata.annotations?.[defaultContainerAnnotation];
  if (preferred && all.includes(preferred)) return preferred;
  if (regular.length === 1 && regular[0]) return regular[0];
  throw badRequest(`a container name must be specified for pod ${podName}, choose one of: [${all.join(' ')}]`);
};

/** @throws ApiError BadRequest when it is on none yet */
export const nodeNameOf = ({ metadata, spec }: Pod): string => {
  if (!spec?.nodeName) throw badRequest(`pod ${metadata.name} does not have a host assigned`);
  return spec.nodeName;
};
