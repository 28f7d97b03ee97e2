/** Which ports `berth port-forward` is asked for. */
import type { Pod, Service } from '../proto/resources/kubernetes.ts';
import { UsageError } from './errors.ts';

export interface ForwardedPort {
  /** 0 lets the system choose. */
  readonly local: number;
  /** The pod's. */
  readonly remote: number;
}

const portMax = 65_535;

const localPort = (text: string, whole: string): number => {
  if (/^\d{1,5}$/.test(text) && Number(text) <= portMax) return Number(text);
  throw new UsageError(`${whole} is no pair of ports; say 8080:80, 80 for 80:80, or :80 for any free port here`);
};

const numbered = (text: string): number | undefined => (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= portMax ? Number(text) : undefined);

/** A port of the pod by its number or its name. */
const podPort = (pod: Pod, text: string, whole: string): number => {
  const port = numbered(text) ?? (pod.spec?.containers ?? []).flatMap(({ ports = [] }) => ports).find(({ name }) => name === text)?.containerPort;
  if (port === undefined) throw new UsageError(`${whole}: pod ${pod.metadata.name} has no port "${text}"`);
  return port;
};

/** The pod's port behind a port of the service. */
const behindService = (service: Service, pod: Pod, text: string, whole: string): number => {
  const found = (service.spec?.ports ?? []).find(({ port, name }) => port === numbered(text) || (name !== undefined && name === text));
  if (!found) throw new UsageError(`${whole}: service ${service.metadata.name} has no port "${text}"`);
  const target = found.targetPort ?? found.port;
  // A headless service's ports are those of its pods.
  return service.spec?.clusterIP === 'None' && numbered(text) !== undefined ? (numbered(text) ?? 0) : podPort(pod, String(target), whole);
};

/** Throws UsageError. */
export const parsePorts = (texts: readonly string[], pod: Pod, service?: Service): readonly ForwardedPort[] =>
  texts.map((whole) => {
    const [first = '', second, ...more] = whole.split(':');
    if (more.length > 0) throw new UsageError(`${whole} is no pair of ports; say 8080:80`);
    const wanted = second ?? first;
    const remote = service ? behindService(service, pod, wanted, whole) : podPort(pod, wanted, whole);
    if (second === undefined) return { local: numbered(first) ?? remote, remote };
    return { local: first === '' ? 0 : localPort(first, whole), remote };
  });
