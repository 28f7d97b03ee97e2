/** What several nodes use, asked of all of them at the same time. Who does not answer soon is left out, as one that is down. */
import { isApiError } from '../../proto/errors.ts';
import { nodeKind } from '../../proto/kinds.ts';
import type { NodeUsage } from '../../proto/node-usage.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Node } from '../../proto/resources/kubernetes.ts';
import { usageAsksMax, usageTimeoutMs } from '../limits.ts';
import type { Reader } from '../store/reader.ts';
import { forEachBounded } from '../workloads/batches.ts';
import type { Tunnels } from './tunnels.ts';

export interface UsageParts {
  readonly reader: Reader;
  readonly tunnels: Tunnels;
  readonly clock: Clock;
}

const isReady = (node: Node | undefined): boolean =>
  node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

const usageOf = async (nodeName: string, { tunnels, clock }: UsageParts): Promise<NodeUsage | undefined> => {
  const late = new AbortController();
  const timer = clock.after(usageTimeoutMs, () => late.abort());
  try {
    return await tunnels.usage(nodeName, late.signal);
  } catch (error) {
    if (late.signal.aborted || isApiError(error)) return undefined;
    throw error;
  } finally {
    timer.cancel();
  }
};

/** By the nodes' names. */
export const usagesOf = async (nodeNames: Iterable<string>, parts: UsageParts): Promise<ReadonlyMap<string, NodeUsage>> => {
  const usages = new Map<string, NodeUsage>();
  const ready = [...new Set(nodeNames)].filter((name) => isReady(parts.reader.get<Node>(nodeKind, name)?.object));
  await forEachBounded(ready, usageAsksMax, async (name) => {
    const usage = await usageOf(name, parts);
    if (usage) usages.set(name, usage);
  });
  return usages;
};
