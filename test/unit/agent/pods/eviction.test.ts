import test from 'ava';
import { hasVolumeLimits, overVolumeLimit } from '../../../../agent/pods/eviction.ts';
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
