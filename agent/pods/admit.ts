/** Whether a pod can run on this node at all, beside those that are here. Pure. */
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { forbiddenSysctl } from '../runtime/security.ts';

export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

interface HostPort {
  readonly port: number;
  readonly protocol: string;
  readonly ip: string;
}

const anyAddress = new Set(['', '0.0.0.0', '::']);

const hostPorts = (pod: Pod): readonly HostPort[] =>
  [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter((init) => init.restartPolicy === 'Always')].flatMap((container) =>
    (container.ports ?? []).flatMap(({ hostPort, containerPort, protocol = 'TCP', hostIP = '' }) => {
      const port = hostPort ?? (pod.spec?.hostNetwork ? containerPort : 0);
      return port > 0 ? [{ port, protocol, ip: hostIP }] : [];
    }),
  );

const collide = (left: HostPort, right: HostPort): boolean =>
  left.port === right.port &&
  left.protocol === right.protocol &&
  (left.ip === right.ip || anyAddress.has(left.ip) || anyAddress.has(right.ip));

/** @param present pods of this node that hold their ports */
export const admit = (pod: Pod, present: Iterable<Pod>): Rejection | undefined => {
  const sysctl = forbiddenSysctl(pod);
  if (sysctl) return { reason: 'SysctlForbidden', message: sysctl };
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return undefined;
  for (const other of present) {
    if (hostPorts(other).some((taken) => wanted.some((port) => collide(port, taken)))) {
      return { reason: 'NodePorts', message: 'Pod was rejected: Predicate NodePorts failed' };
    }
  }
  return undefined;
};
