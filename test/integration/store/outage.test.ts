import test from 'ava';
import { Etcd3 } from 'etcd3';
import { KvUnavailable } from '../../../controller/store/kv.ts';
import { isApiError } from '../../../proto/errors.ts';
import { configMapKind } from '../../../proto/kinds.ts';
import { systemClock } from '../../../proto/process/clock.ts';
import { seededRandom } from '../../../proto/process/random.ts';
import { configMap } from '../../fixtures/config-map.ts';
import { startCuttingProxy } from '../../fixtures/cutting-proxy.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { openTestStore, testKv, untilDone } from '../../fixtures/store.ts';

const isUnavailable = (error: unknown): boolean => isApiError(error, 'ServiceUnavailable') || isApiError(error, 'Timeout');

test('while etcd is killed reads go on and writes answer 503; afterwards all that was acknowledged is there', async (t) => {
  const etcd = await startEtcd();
  t.teardown(() => etcd.stop());
  const { reader, writer, connected } = await openTestStore(t, testKv(t, etcd.endpoint));
  const acknowledged = new Set<string>();
  const stop = new AbortController();
  const enough = Promise.withResolvers<void>();
  const writing = Array.from({ length: 4 }, async (_, lane) => {
    for (let at = 0; !stop.signal.aborted; at += 1) {
      try {
        acknowledged.add((await writer.create(configMapKind, configMap(`${lane}-${at}`))).key);
        if (acknowledged.size > 50) enough.resolve();
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        await systemClock.sleep(10);
      }
    }
  });
  await enough.promise;
  await etcd.kill();
  stop.abort();
  await Promise.all(writing);

  const error = await t.throwsAsync(writer.create(configMapKind, configMap('refused')));
  t.true(isApiError(error, 'ServiceUnavailable') && error.details?.retryAfterSeconds === 1);
  const stale = await t.throwsAsync(reader.current());
  t.true(isApiError(stale, 'ServiceUnavailable'));
  t.true(reader.list(configMapKind).length >= acknowledged.size);
  t.false(connected());

  await etcd.restart();
  await untilDone(() => reader.current(), isUnavailable);
  for (const key of acknowledged) t.truthy(reader.get(configMapKind, key));
  t.is(reader.get(configMapKind, 'default/refused'), undefined);
  await untilDone(() => writer.create(configMapKind, configMap('after')), isUnavailable);
  t.true(connected());
});

test('a write that etcd does not answer in time is reported as unknown, and takes effect once at most', async (t) => {
  const etcd = await startEtcd();
  t.teardown(() => etcd.stop());
  const { reader, writer } = await openTestStore(t, testKv(t, etcd.endpoint));
  const { revision } = await writer.create(configMapKind, configMap('a', { count: '0' }));
  etcd.pause();
  const error = await t.throwsAsync(writer.update(configMapKind, configMap('a', { count: '1' }), revision));
  t.true(isApiError(error, 'ServiceUnavailable'));
  t.deepEqual(reader.get(configMapKind, 'default/a')?.object['data'], { count: '0' });
  etcd.resume();
  const again = await untilDone(
    () => writer.update(configMapKind, configMap('a', { count: '1' }), revision).then((stored) => stored.revision, (failure: unknown) => {
      // The first attempt went through after all; this one is told of the conflict instead of being applied on top.
      if (isApiError(failure, 'Conflict')) return reader.get(configMapKind, 'default/a')?.revision;
      throw failure;
    }),
    isUnavailable,
  );
  await untilDone(() => reader.current(), isUnavailable);
  t.is(reader.get(configMapKind, 'default/a')?.revision, again);
});

test('when one endpoint of etcd stops answering without a word, no more than the writes that were under way fail', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const proxy = await startCuttingProxy(etcd.port, seededRandom(1));
  t.teardown(() => proxy.close());
  const { writer, reader } = await openTestStore(t, testKv(t, [proxy.endpoint, etcd.endpoint]));
  await writer.create(configMapKind, configMap('before'));
  proxy.silence();
  t.true(isUnavailable(await t.throwsAsync(writer.create(configMapKind, configMap('under-way')))));
  // It is stored at the other endpoint, and seen by the watch, which was at this one.
  await writer.create(configMapKind, configMap('after'));
  await reader.current();
  t.truthy(reader.get(configMapKind, 'default/after'));
});

test('a store that starts before etcd waits for it, and says so once', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  await etcd.kill();
  const waiting = Promise.withResolvers<void>();
  let warnings = 0;
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => {
      warnings += 1;
      waiting.resolve();
    },
    error: () => undefined,
    child: () => log,
  };
  const opening = openTestStore(t, testKv(t, etcd.endpoint), log);
  await waiting.promise;
  await etcd.restart();
  const { writer } = await opening;
  t.is((await writer.create(configMapKind, configMap('a'))).key, 'default/a');
  t.is(warnings, 1);
});

test('an etcd that is out of space serves reads, and gives no lease either: whoever needs one tries again, and is not ended by it', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  const { reader } = await openTestStore(t, kv);
  const client = new Etcd3({ hosts: etcd.endpoint });
  t.teardown(() => client.close());
  const { header } = await client.maintenance.status();
  const alarm = (action: 'Activate' | 'Deactivate'): Promise<unknown> => client.maintenance.alarm({ action, memberID: header.member_id, alarm: 'Nospace' });
  await alarm('Activate');
  await reader.current();
  await t.throwsAsync(kv.grantLease(10), { instanceOf: KvUnavailable });
  await t.throwsAsync(kv.txn([{ key: '/berth/x', value: Buffer.of(1), expectedRevision: undefined }]), { instanceOf: KvUnavailable });
  await alarm('Deactivate');
  t.truthy(await kv.grantLease(10));
});
