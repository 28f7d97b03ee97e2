import test, { type ExecutionContext } from 'ava';
import { txnOperationsMax } from '../../../../controller/limits.ts';
import { ClaimTaken } from '../../../../controller/store/claims.ts';
import { openStore } from '../../../../controller/store/open.ts';
import { isApiError } from '../../../../proto/errors.ts';
import { configMapKind } from '../../../../proto/kinds.ts';
import { systemClock as clock } from '../../../../proto/process/clock.ts';
import { silentLog as log } from '../../../../proto/process/log.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import type { ConfigMap } from '../../../../proto/resources/kubernetes.ts';
import { configMap } from '../../../fixtures/config-map.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

/** Here, what a ConfigMap has to itself are its keys. */
const claimsOf = (object: object): string[] => Object.keys((object as ConfigMap).data ?? {});

const setUp = async (t: ExecutionContext) => {
  const kv = new MemoryKv();
  const store = await openStore({ kv, clock, log, random: seededRandom(1), claimsOf });
  t.teardown(() => store.close());
  const claims = async (): Promise<string[]> => (await kv.range('/berth/claims/')).entries.map(({ key, value }) => `${key.slice('/berth/claims/'.length)}=${value.toString()}`);
  return { kv, claims, ...store };
};

const takenOf = (write: Promise<unknown>): Promise<unknown> =>
  write.then(() => 'written', (error: unknown) => (error instanceof ClaimTaken ? error.claims : isApiError(error) ? error.reason : error));

test('claims come, change and go with their object, in its own transaction', async (t) => {
  const { kv, writer, claims } = await setUp(t);
  const made = await writer.create(configMapKind, configMap('a', { x: '', y: '' }));
  t.deepEqual(await claims(), ['x=/berth/objects/core/configmaps/default/a', 'y=/berth/objects/core/configmaps/default/a']);
  const changed = await writer.update(configMapKind, configMap('a', { y: '', z: '' }), made.revision);
  t.deepEqual((await claims()).map((each) => each[0]), ['y', 'z']);
  await writer.remove(configMapKind, 'default/a', changed.revision);
  t.deepEqual(await claims(), []);
  t.deepEqual(kv.transactions.map(({ length }) => length), [3, 3, 3]);
});

test('what is taken stays with who has it, and nothing of the other write is there', async (t) => {
  const { writer, reader, claims } = await setUp(t);
  await writer.create(configMapKind, configMap('a', { x: '' }));
  t.deepEqual(await takenOf(writer.create(configMapKind, configMap('b', { x: '', y: '' }))), ['x']);
  t.is(reader.get(configMapKind, 'default/b'), undefined);
  t.is((await claims()).length, 1);
  const b = await writer.create(configMapKind, configMap('b', { y: '' }));
  t.deepEqual(await takenOf(writer.update(configMapKind, configMap('b', { x: '' }), b.revision)), ['x']);
  t.is(await takenOf(writer.create(configMapKind, configMap('a', { x: '' }))), 'AlreadyExists');
});

test('of many who come at once for the same, one gets it, and the others of their batch are not held up', async (t) => {
  const { writer, reader } = await setUp(t);
  const outcomes = await Promise.all([
    ...Array.from({ length: 5 }, (_, at) => takenOf(writer.create(configMapKind, configMap(`a${at}`, { x: '' })))),
    ...Array.from({ length: 5 }, (_, at) => takenOf(writer.create(configMapKind, configMap(`b${at}`, { [`b${at}`]: '' })))),
  ]);
  t.deepEqual(outcomes, ['written', ['x'], ['x'], ['x'], ['x'], 'written', 'written', 'written', 'written', 'written']);
  const revisions = reader.list(configMapKind).map(({ revision }) => revision);
  t.is(new Set(revisions).size, revisions.length);
});

test('a batch counts claims as operations, and objects keep their places before them', async (t) => {
  const { kv, writer, reader } = await setUp(t);
  const release = kv.hold();
  const first = writer.create(configMapKind, configMap('first', { first: '' }));
  await Promise.resolve();
  const rest = Array.from({ length: 100 }, (_, at) => writer.create(configMapKind, configMap(`m${at}`, { [`k${at}`]: '' })));
  release();
  const stored = await Promise.all([first, ...rest]);
  t.true(kv.transactions.every(({ length }) => length <= txnOperationsMax));
  for (const { key, revision } of stored) t.is(reader.get(configMapKind, key)?.revision, revision);
  const again = await openStore({ kv, clock, log, random: seededRandom(1), claimsOf });
  t.teardown(() => again.close());
  for (const { key, revision } of stored) t.is(again.reader.get(configMapKind, key)?.revision, revision);
  // A deletion's revision comes from its place among the events: the same for who writes and who watches.
  const removed = await Promise.all(stored.map(({ key, revision }) => writer.remove(configMapKind, key, revision)));
  t.is(new Set(removed.map(({ revision }) => revision)).size, removed.length);
});

test('an object that claims more than a transaction holds is refused', async (t) => {
  const { writer } = await setUp(t);
  const many = Object.fromEntries(Array.from({ length: txnOperationsMax }, (_, at) => [`k${at}`, '']));
  t.is(await takenOf(writer.create(configMapKind, configMap('a', many))), 'RequestEntityTooLarge');
});
