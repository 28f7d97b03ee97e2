import test from 'ava';
import { unsettledHeldMsMax } from '../../../../agent/limits.ts';
import { makeContainer, makePod, PodLab } from '../../../fixtures/pod-lab.ts';

test('a report waits for the reason of a container’s end, but not for long: nobody is to be sent to it', async (t) => {
  const lab = new PodLab();
  await lab.start(makePod({ restartPolicy: 'Never', containers: [makeContainer('app'), makeContainer('aid')] }));
  const app = lab.runtime.running('app');
  const ended = (): unknown => lab.status()?.containerStatuses?.[0]?.state?.terminated?.reason;
  const tell = async (change: object): Promise<void> => {
    Object.assign(app ?? {}, change);
    lab.runtime.emit('uid-1', 'exit');
    await lab.clock.advance(0);
  };
  await tell({ state: 'exited', exitCode: 137, settled: false, finishedAtMs: lab.clock.nowMs() });
  await lab.clock.advance(unsettledHeldMsMax / 2);
  t.is(ended(), undefined);
  t.true(lab.ready());
  await lab.clock.advance(unsettledHeldMsMax);
  t.is(ended(), 'Error');
  t.false(lab.ready());
  await tell({ settled: true, reason: 'OOMKilled' });
  t.is(ended(), 'OOMKilled');
  const aid = lab.runtime.running('aid');
  Object.assign(aid ?? {}, { state: 'exited', exitCode: 1, settled: false, finishedAtMs: lab.clock.nowMs() });
  lab.runtime.emit('uid-1', 'exit');
  await lab.clock.advance(2 * unsettledHeldMsMax);
  t.is(lab.status()?.phase, 'Running', 'how the pod ended is told with the reason only');
  Object.assign(aid ?? {}, { settled: true, reason: 'Error', message: 'why' });
  lab.runtime.emit('uid-1', 'exit');
  await lab.clock.advance(0);
  t.is(lab.status()?.phase, 'Failed');
  t.is(lab.status()?.containerStatuses?.[1]?.state?.terminated?.message, 'why');
});
