import test from 'ava';
import { namespaceKind, secretKind } from '../../../../proto/kinds.ts';
import { joinTokenNamespace, joinTokenSecret } from '../../../../proto/resources/join-token.ts';
import { startControlPlane } from '../../../fixtures/control-plane.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

test('a join token is there until it expires; one without an end, and what is no token, stay', async (t) => {
  const clock = new ManualClock();
  const plane = await startControlPlane(t, new MemoryKv(), { clock });
  await plane.until('the namespace is there', () => plane.reader.get(namespaceKind, joinTokenNamespace) !== undefined);
  const token = (id: string, expiresMs: number | undefined) => joinTokenSecret({ id, usages: ['agent'], expiresMs, description: '' }, 'a'.repeat(16));
  await plane.create(secretKind, token('minute', clock.nowMs() + 60_000));
  await plane.create(secretKind, token('forevr', undefined));
  await plane.create(secretKind, { ...token('opaque', clock.nowMs() + 60_000), type: 'Opaque' });
  const there = (): string[] => ['minute', 'forevr', 'opaque'].filter((id) => plane.reader.get(secretKind, `${joinTokenNamespace}/bootstrap-token-${id}`) !== undefined);
  await clock.advance(59_000);
  t.deepEqual(there(), ['minute', 'forevr', 'opaque']);
  await clock.advance(2_000);
  await plane.until('the token is gone', () => there().length === 2);
  t.deepEqual(there(), ['forevr', 'opaque']);
});
