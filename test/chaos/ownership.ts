/** Nobody shares: a pod's name and its address are one pod's alone, by what the API says and by what runs. */
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { isTerminal } from '../../proto/resources/pod.ts';

/** Something that has a name or an address, and where it was found. */
export interface Owner {
  readonly of: string;
  readonly who: string;
}

/** Names and addresses that more than one has. */
export const shared = (owners: readonly Owner[]): readonly string[] => {
  const byWhat = new Map<string, Set<string>>();
  for (const { of, who } of owners) byWhat.set(of, (byWhat.get(of) ?? new Set()).add(who));
  return [...byWhat].filter(([, who]) => who.size > 1).map(([of, who]) => `${of} is had by ${[...who].toSorted().join(' and ')}`);
};

/**
 * Addresses of pods that have not ended, as the API has them. One that is being deleted still says which it had before its machine
 * lost its power; whether it has it yet is asked of what runs.
 */
export const addressOwners = (pods: readonly Pod[]): readonly Owner[] =>
  pods.filter((pod) => pod.status?.podIP && !pod.spec?.hostNetwork && !isTerminal(pod) && !pod.metadata.deletionTimestamp).map(({ metadata, status }) => ({
    of: `address ${status?.podIP}`, who: `${metadata.namespace}/${metadata.name} (${metadata.uid})`,
  }));

/** A sandbox that is up on a node. */
export interface Sandbox {
  readonly node: string;
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly address: string;
}

/** Names and addresses of what really runs, over all nodes. */
export const sandboxOwners = (sandboxes: readonly Sandbox[]): readonly Owner[] =>
  sandboxes.flatMap(({ node, id, namespace, name, uid, address }) => {
    const who = `${uid} in ${id.slice(0, 12)} on ${node}`;
    return [{ of: `name ${namespace}/${name}`, who }, ...(address === '' ? [] : [{ of: `address ${address}`, who }])];
  });
