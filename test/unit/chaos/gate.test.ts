import test from 'ava';
import { Gate } from '../../chaos/gate.ts';

test('a gate is closed when everybody has left, and holds up who comes until it opens', async (t) => {
  const gate = new Gate();
  const { signal } = new AbortController();
  const done: string[] = [];
  let leave: () => void = () => undefined;
  const inside = gate.pass(() => new Promise<void>((resolve) => {
    leave = resolve;
  }), signal).then(() => done.push('left'));
  const closed = gate.close().then(() => done.push('closed'));
  const late = gate.pass(async () => void done.push('late'), signal);
  leave();
  await Promise.all([inside, closed]);
  t.deepEqual(done.toSorted(), ['closed', 'left']);
  gate.open();
  await late;
  t.is(done.at(-1), 'late');
});

test('who waits at a closed gate leaves when its signal aborts', async (t) => {
  const gate = new Gate();
  const stop = new AbortController();
  await gate.close();
  const waiting = gate.pass(async () => undefined, stop.signal);
  stop.abort();
  await t.throwsAsync(waiting, { name: 'AbortError' });
});
