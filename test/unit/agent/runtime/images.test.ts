import test from 'ava';
import { NodeObjectStore } from '../../../../agent/node-objects.ts';
import type { Cri } from '../../../../agent/runtime/cri.ts';
import { Images } from '../../../../agent/runtime/images.ts';
import { ManualClock, settle } from '../../../fixtures/manual-clock.ts';
import { makeContainer, makePod } from '../../../fixtures/pod-lab.ts';

/** A containerd that has an image once it was pulled; a pull lasts until the test ends it, or for a moment after it was cancelled. */
const lab = () => {
  const pulls: (() => void)[] = [];
  let present = false;
  const pull = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      pulls.push(() => {
        present = true;
        resolve();
      });
      signal.addEventListener('abort', () => void setImmediate(() => setImmediate(() => reject(signal.reason as Error))));
    });
  const call = async (method: string, _request: object, options?: { signal: AbortSignal }): Promise<unknown> =>
    method === 'PullImage' && options ? pull(options.signal) : { image: present ? { id: 'id', size: 1, repo_tags: [], repo_digests: [] } : null };
  const images = new Images({ call } as unknown as Cri, new NodeObjectStore(), new ManualClock());
  const ensure = (signal = new AbortController().signal) => images.ensure(makePod(), makeContainer('app'), signal);
  return { pulls, ensure };
};

test('all who want an image at the same time have it pulled once, and one who leaves takes it from no other', async (t) => {
  const { pulls, ensure } = lab();
  const leaving = new AbortController();
  const all = [ensure(), ensure()];
  const left = ensure(leaving.signal);
  await settle();
  leaving.abort(new Error('the pod goes'));
  await t.throwsAsync(left, { message: 'the pod goes' });
  t.is(pulls.length, 1);
  pulls[0]?.();
  for (const image of await Promise.all(all)) t.true(image.pulled);
});

test('whoever comes while a pull is given up by the last who wanted it gets one of his own', async (t) => {
  const { pulls, ensure } = lab();
  const leaving = new AbortController();
  const left = ensure(leaving.signal);
  await settle();
  leaving.abort(new Error('the pod goes'));
  await t.throwsAsync(left, { message: 'the pod goes' });
  const next = ensure();
  await settle();
  pulls[1]?.();
  t.true((await next).pulled);
});
