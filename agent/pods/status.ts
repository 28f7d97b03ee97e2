/**
 * The status of a pod: derived from the picture of it, never counted up. What the agent does not own (conditions of
 * others, the QoS class, nominations) stays as it came with the pod. Pure.
 */
import { timestamp } from '../../proto/process/clock.ts';
import type { ContainerStatus, PodStatus } from '../../proto/resources/kubernetes.ts';
import { qosClass } from '../../proto/resources/qos.ts';
import { conditionsOf } from './conditions.ts';
import { containerStatus } from './container-status.ts';
import type { PodMemory } from './memory.ts';
import { isFinal, pendingInits, phaseOf } from './phase.ts';
import type { Phase } from './phase.ts';
import type { PodView } from './view.ts';

const addresses = (view: PodView, hostIp: string, phase: Phase): Partial<PodStatus> => {
  const ips = view.pod.spec?.hostNetwork ? [hostIp] : (view.sandbox?.ips ?? []);
  const host = { hostIP: hostIp, hostIPs: [{ ip: hostIp }] };
  if (ips.length === 0) {
    // A pod that ended keeps the address it had; the agent may have given it back already.
    const { podIP, podIPs } = view.status;
    return isFinal(phase) && podIP ? { ...host, podIP, ...(podIPs ? { podIPs } : {}) } : host;
  }
  return { ...host, podIP: ips[0] as string, podIPs: ips.map((ip) => ({ ip })) };
};

const words = (view: PodView, memory: PodMemory, phase: Phase): Partial<PodStatus> => {
  if (!isFinal(phase)) return {};
  const { reason, message } = memory.verdict ?? view.status;
  return { ...(reason ? { reason } : {}), ...(message ? { message } : {}) };
};

/** Fields that this function decides upon; all others are kept. */
const ownFields = ['phase', 'reason', 'message', 'podIP', 'podIPs', 'hostIP', 'hostIPs', 'conditions', 'startTime'];

const foreign = (given: PodStatus): Partial<PodStatus> =>
  Object.fromEntries(Object.entries(given).filter(([field]) => !ownFields.includes(field)));

/** @param view its `status` is the one last reported: times in it are kept where nothing changed */
export const statusOf = (view: PodView, memory: PodMemory, hostIp: string, nowMs: number): PodStatus => {
  const given = view.pod.status ?? {};
  const phase = phaseOf(view, memory);
  const inits = pendingInits(view, memory);
  const ending = isFinal(phase) || memory.termination !== undefined || memory.verdict !== undefined;
  const context = { view, memory, nowMs, initializing: inits.length > 0, ending };
  const initStatuses = view.inits.map((container) => containerStatus(container, context));
  const mainStatuses = view.mains.map((container) => containerStatus(container, context));
  const sidecars: ContainerStatus[] = initStatuses.filter((_status, index) => view.inits[index]?.role === 'sidecar');
  const facts = { view, phase, pendingInits: inits, serving: [...sidecars, ...mainStatuses] };
  return {
    ...foreign(given),
    qosClass: given.qosClass ?? qosClass(view.pod),
    phase,
    ...words(view, memory, phase),
    ...addresses(view, hostIp, phase),
    startTime: view.status.startTime ?? given.startTime ?? timestamp(nowMs),
    conditions: conditionsOf(facts, given.conditions ?? [], view.status.conditions ?? [], nowMs),
    ...(view.inits.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: mainStatuses,
  };
};
