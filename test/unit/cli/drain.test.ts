import test from 'ava';
import { drainNode, type DrainNews } from '../../../cli/drain.ts';
import type { Client, RequestOptions } from '../../../proto/client.ts';
import { ApiError } from '../../../proto/errors.ts';
import { ManualClock } from '../../fixtures/manual-clock.ts';

const podNamed = (name: string) => ({
  apiVersion: 'v1', kind: 'Pod',
  metadata: { name, namespace: 'default', uid: name, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'x', uid: 'x', controller: true }] },
  spec: { containers: [] }, status: { phase: 'Running' },
});

test('a drain that fails at one pod goes on with no other behind its end', async (t) => {
  const clock = new ManualClock();
  const asked: string[] = [];
  const client = {
    list: async () => ({ items: ['broken', 'held'].map(podNamed), resourceVersion: '1' }),
    async *watch(_kind: unknown, _selection: unknown, _position: string, signal: AbortSignal) {
      yield* [];
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
    json: async (_method: string, path: string, { signal }: RequestOptions) => {
      signal?.throwIfAborted();
      const name = path.split('/').at(-2) ?? '';
      asked.push(name);
      if (name === 'held') throw new ApiError('TooManyRequests', 'a budget does not allow it', { retryAfterSeconds: 10 });
      // Once the other waits.
      await clock.sleep(1_000);
      throw new ApiError('InternalError', 'broken');
    },
  } as unknown as Client;
  const news: DrainNews = { warning: () => undefined, evicting: () => undefined, waiting: () => undefined, gone: () => undefined };
  const draining = drainNode('node-1', { ignoreDaemonsets: false, deleteEmptydirData: false, force: false, dryRun: 'none' }, { client, clock, news }, new AbortController().signal);
  const failed = t.throwsAsync(draining, { instanceOf: ApiError, message: 'broken' });
  await clock.advance(1_000);
  await failed;
  await clock.advance(60_000);
  t.deepEqual(asked.toSorted(), ['broken', 'held']);
});
