/** What the machine needs for the same work undisturbed: the bounds are for one that needs no longer than `nominalMs`, and grow with it. */
import type { Client } from '../../proto/client.ts';
import { deploymentKind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import { allReady, deployment, removeDeployment, watchPods } from '../fixtures/workload.ts';
import { graceSeconds } from './load-objects.ts';

const name = 'floor';
const nominalMs = 1_000;
/** Longer than that and nothing can be told about the cluster. */
const readyTimeoutMs = 120_000;

/** How long so many fresh pods take from their deployment's creation until all are ready; they are gone again when it resolves. */
export const measureFloor = async (client: Client, image: string, pods: number, clock: Clock): Promise<number> => {
  const made = deployment(name, image, pods);
  const spec = made.spec?.template.spec;
  // Gone is then gone from the nodes, too, and takes no time from whoever is measured next.
  if (spec) spec.terminationGracePeriodSeconds = graceSeconds;
  const watch = await watchPods(client, name);
  const startedMs = clock.monotonicMs();
  await client.create(deploymentKind, 'default', made);
  await watch.until(allReady(pods), readyTimeoutMs);
  const tookMs = clock.monotonicMs() - startedMs;
  await watch.close();
  await removeDeployment(client, name);
  return tookMs;
};

/** A bound as it is for this machine. */
export const scaled = (boundMs: number, floorMs: number): number => Math.round(boundMs * Math.max(1, floorMs / nominalMs));
