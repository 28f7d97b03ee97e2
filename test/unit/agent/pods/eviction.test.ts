import test from 'ava';
import { relistPeriodMs } from '../../../../agent/limits.ts';
import { hasVolumeLimits, overVolumeLimit } from '../../../../agent/pods/eviction.ts';
import type { Runtime } from '../../../../agent/runtime/runtime.ts';
import { makeContainer, makePod, PodLab } from '../../../fixtures/pod-lab.ts';

const limited = makePod({ containers: [makeContainer('app')], volumes: [{ name: 'cache', emptyDir: { sizeLimit: '1Ki' } }, { name: 'ram', emptyDir: { medium: 'Memory', sizeLimit: '1' } }] });

test('a volume over its limit is named with the limit', (t) => {
  t.is(overVolumeLimit(limited, new Map([['cache', 1024], ['ram', 5]])), undefined);
  t.is(overVolumeLimit(limited, new Map([['cache', 1025]])), 'Usage of EmptyDir volume "cache" exceeds the limit "1Ki". ');
  t.false(hasVolumeLimits(makePod({ volumes: [{ name: 'cache', emptyDir: {} }] })));
});

test('a pod whose volume is over its limit is evicted', async (t) => {
  const lab = new PodLab();
  lab.runtime.usage = new Map([['cache', 4096]]);
  await lab.start(limited);
  await lab.clock.advance(60_000);
  t.is(lab.status()?.phase, 'Failed');
  t.is(lab.status()?.reason, 'Evicted');
  t.is(lab.runtime.running('app'), undefined);
});

test('a disk that takes long to measure is measured once at a time, and holds up nothing else', async (t) => {
  const lab = new PodLab();
  let [measured, looks] = [0, 0];
  const slow = Promise.withResolvers<ReadonlyMap<string, number>>();
  const counting: Partial<Runtime> = {
    volumeUsage: () => {
      measured += 1;
      return slow.promise;
    },
    endLost: async () => void (looks += 1),
  };
  Object.assign(lab.runtime, counting);
  await lab.start(makePod({ volumes: [{ name: 'data', emptyDir: { sizeLimit: '1Gi' } }] }));
  await lab.clock.advance(3 * relistPeriodMs);
  t.deepEqual([measured, looks], [1, 4]);
  slow.resolve(new Map([['data', 2 ** 31]]));
  await lab.clock.advance(0);
  t.is(lab.status()?.reason, 'Evicted');
});
