/** Three minutes of faults from a fresh seed, on a cluster that has no single point of failure and works all the while. */
import test from 'ava';
import { chaos, freshSeed } from '../chaos/chaos.ts';

const minutes = 3;

test('whatever fails, within what a cluster promises to survive, nothing that it guarantees breaks', async (t) => {
  // Written as it comes: it is what tells that this still works, and what is left when it does not.
  const say = (text: string): void => void process.stderr.write(`chaos: ${text}\n`);
  const summary = await chaos({ seed: freshSeed(), minutes, say });
  t.is(summary.broken, undefined);
  t.true(summary.faults > 0 && summary.writesAcknowledged > 0 && summary.requests > summary.requestsFailed);
  t.log(JSON.stringify(summary));
});
