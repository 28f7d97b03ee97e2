/**
 * What a pod asks for and what a node gives, as plain numbers: CPU in thousandths of a core, everything else in
 * base units (bytes, pieces), rounded up.
 */
import type { Container, Node, Pod } from './kubernetes.ts';
import { isSidecar } from './pod.ts';
import { milliValue, wholeValue } from './quantity.ts';

/** Resource name -> amount; what is not in it is 0. */
export type Resources = Readonly<Record<string, number>>;
type Sum = Record<string, number>;

const amountOf = (name: string, quantity: string): number => (name === 'cpu' ? milliValue(quantity) : wholeValue(quantity));

/** A map of quantities, as in `resources.requests` or `status.allocatable`, as numbers. */
export const resourcesOf = (quantities: Readonly<Record<string, string>> | undefined): Resources => {
  const amounts: Sum = {};
  for (const [name, quantity] of Object.entries(quantities ?? {})) amounts[name] = amountOf(name, quantity);
  return amounts;
};

const add = (sum: Sum, amounts: Resources): void => {
  for (const name in amounts) sum[name] = (sum[name] ?? 0) + (amounts[name] ?? 0);
};

const raise = (sum: Sum, amounts: Resources): void => {
  for (const name in amounts) sum[name] = Math.max(sum[name] ?? 0, amounts[name] ?? 0);
};

const requestsOf = (container: Container): Resources => resourcesOf(container.resources?.requests);

/**
 * What a node must have free to run the pod, by Kubernetes' rule: the containers and sidecars together, or, where it
 * is more, the largest init container together with the sidecars started before it; plus the pod's overhead.
 */
export const podRequests = (pod: Pod): Resources => {
  const running: Sum = {};
  for (const container of pod.spec?.containers ?? []) add(running, requestsOf(container));
  const sidecars: Sum = {};
  const initial: Sum = {};
  for (const container of pod.spec?.initContainers ?? []) {
    const requests = requestsOf(container);
    if (isSidecar(container)) {
      add(running, requests);
      add(sidecars, requests);
      raise(initial, sidecars);
    } else {
      const together: Sum = { ...sidecars };
      add(together, requests);
      raise(initial, together);
    }
  }
  raise(running, initial);
  add(running, resourcesOf(pod.spec?.overhead));
  return running;
};

/** What pods may use of a node; `pods` among it. */
export const nodeAllocatable = (node: Node): Resources => resourcesOf(node.status?.allocatable ?? node.status?.capacity);
