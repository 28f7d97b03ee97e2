/** Deletes and makes again the pod whose name is always the same: the next one of that name must wait until the last is gone. */
import type { Client } from '../../proto/client.ts';
import { isApiError } from '../../proto/errors.ts';
import { podKind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import type { Gate } from './gate.ts';
import { namespace, soloName, soloPod } from './load-objects.ts';
import { callTimeoutMs } from './writer.ts';

const paceMs = 2_500;

const turn = async (client: Client, image: string): Promise<void> => {
  const signal = AbortSignal.timeout(callTimeoutMs);
  const pod = await client.get<Pod>(podKind, namespace, soloName, { signal }).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
  if (!pod) await client.create(podKind, namespace, soloPod(image), { signal });
  else if (!pod.metadata.deletionTimestamp && isPodReady(pod)) await client.delete(podKind, namespace, soloName, { signal });
};

/** Until the signal aborts. What fails is tried again. */
export const runSolo = async (client: Client, image: string, gate: Gate, clock: Clock, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await gate.pass(() => turn(client, image).catch(() => undefined), signal).catch(() => undefined);
    await clock.sleep(paceMs, signal).catch(() => undefined);
  }
};
