/** What the benches deploy, and how they wait for it: by watching, so that the wait adds nothing to the figure. */
import type { Client } from '../../proto/client.ts';
import { deploymentKind, podKind } from '../../proto/kinds.ts';
import type { Deployment, Pod } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';

export const deployment = (name: string, image: string, replicas: number): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image, command: ['/bin/busybox', 'sleep', '3600'] }] },
    },
  },
});

/** Watches the pods of `app` from now on; `until` resolves when the pods satisfy `isSo`. */
export const watchPods = async (client: Client, app: string) => {
  const pods = new Map<string, Pod>();
  const stop = new AbortController();
  const waiting = new Set<() => void>();
  const selection = { namespace: 'default', labelSelector: `app=${app}` };
  const { items, resourceVersion } = await client.list<Pod>(podKind, selection);
  for (const pod of items) pods.set(pod.metadata.uid ?? '', pod);
  const run = (async (): Promise<void> => {
    for await (const { type, object } of client.watch<Pod>(podKind, selection, resourceVersion, stop.signal)) {
      if (type === 'DELETED') pods.delete(object.metadata.uid ?? '');
      else pods.set(object.metadata.uid ?? '', object);
      for (const check of waiting) check();
    }
  })();
  return {
    pods,
    until: (isSo: (pods: readonly Pod[]) => boolean): Promise<void> =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!isSo([...pods.values()])) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        run.catch(reject);
        check();
      }),
    close: async (): Promise<void> => {
      stop.abort();
      await run;
    },
  };
};

export const allReady = (count: number) => (pods: readonly Pod[]): boolean => pods.length >= count && pods.filter(isPodReady).length >= count;

/** Deletes the deployment and waits until its pods are gone. */
export const removeDeployment = async (client: Client, name: string): Promise<void> => {
  const watch = await watchPods(client, name);
  await client.delete(deploymentKind, 'default', name, { body: { propagationPolicy: 'Background' } });
  await watch.until((pods) => pods.length === 0);
  await watch.close();
};

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

export const rounded = (value: number, digits = 1): number => Number(value.toFixed(digits));
