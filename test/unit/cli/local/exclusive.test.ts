import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { exclusively } from '../../../../cli/local/exclusive.ts';

const name = (title: string): string => `test-${process.pid}-${title}`;
const never = new AbortController().signal;

test('two pieces of work on one cluster follow each other, in which order they may', async (t) => {
  const events: string[] = [];
  const first = Promise.withResolvers<void>();
  const waits = Promise.withResolvers<void>();
  const one = exclusively(name('order'), () => t.fail('nobody to wait for'), async () => {
    events.push('one starts');
    await first.promise;
    events.push('one ends');
  }, never);
  await new Promise(setImmediate);
  const two = exclusively(name('order'), waits.resolve, async () => events.push('two'), never);
  await waits.promise;
  first.resolve();
  await Promise.all([one, two]);
  t.deepEqual(events, ['one starts', 'one ends', 'two']);
});

test('work on different clusters goes on side by side', async (t) => {
  await exclusively(name('a'), () => t.fail('waited'), () => exclusively(name('b'), () => t.fail('waited'), async () => t.pass(), never), never);
});

test('a failure gives the turn back', async (t) => {
  await t.throwsAsync(exclusively(name('fails'), () => undefined, () => Promise.reject(new Error('broken')), never), { message: 'broken' });
  t.is(await exclusively(name('fails'), () => t.fail('waited'), async () => 'done', never), 'done');
});

test('a killed holder holds nothing', async (t) => {
  const held = name('killed');
  const holder = spawn(process.execPath, ['-e', `require('node:net').createServer().listen('\\0berth/${held}', () => console.log('holds'))`], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(holder.stdout, 'data');
  const result = exclusively(held, () => holder.kill('SIGKILL'), async () => 'mine', never);
  t.is(await result, 'mine');
});

test('waiting can be cut off', async (t) => {
  const stop = new AbortController();
  await exclusively(name('cut'), () => undefined, async () => {
    await t.throwsAsync(exclusively(name('cut'), () => stop.abort(), async () => t.fail('ran'), stop.signal), { name: 'AbortError' });
  }, never);
});
