/** `berth backup` and `berth restore` of an etcd that somebody else runs, as the servers of an installed cluster do it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { configMapKind } from '../../proto/kinds.ts';
import { berthFor } from '../fixtures/berth.ts';
import { configMap } from '../fixtures/config-map.ts';
import { startEtcd } from '../fixtures/etcd.ts';
import { openTestStore, testKv } from '../fixtures/store.ts';

test('an installed cluster is saved with the files that are named, and each member and the files are made anew from it', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-backup-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const berth = berthFor(dir, join(dir, 'kubeconfig'));
  const [etcd, other] = [await startEtcd(), await startEtcd()];
  t.teardown(() => Promise.all([etcd.stop(), other.stop()]));
  const store = await openTestStore(t, testKv(t, etcd.endpoint));
  const { revision } = await store.writer.create(configMapKind, configMap('kept', { at: 'before' }));
  const settings = join(dir, 'etc', 'ca.key');
  mkdirSync(join(dir, 'etc'));
  writeFileSync(settings, 'secret');

  const file = join(dir, 'saved');
  const nobody = 'http://127.0.0.1:1';
  const failed = await berth(['backup', file, '--etcd', nobody]);
  t.is(failed.code, 1);
  t.regex(failed.stderr, /no member of etcd gave a snapshot/);
  const saved = await berth(['backup', file, '--etcd', nobody, '--etcd', etcd.endpoint, '--include', join(dir, 'etc')]);
  t.is(saved.code, 0, saved.stderr);
  t.is(statSync(file).mode & 0o777, 0o600);

  const [data, files] = [join(dir, 'data'), join(dir, 'files')];
  const restore = ['restore', file, '--etcd-dir', data, '--files-dir', files, '--member', 'test', '--initial-cluster', `test=${other.peer}`];
  t.is((await berth(['restore', file, '--etcd-dir', data])).code, 2, 'it has to be said which member it is');
  const restored = await berth(restore);
  t.is(restored.code, 0, restored.stderr);
  t.is(readFileSync(join(files, 'files', settings), 'utf8'), 'secret');
  t.is(statSync(join(files, 'files', settings)).mode & 0o777, 0o600);
  const again = await berth(restore);
  t.is(again.code, 1);
  t.regex(again.stderr, /is not empty/);

  await other.restart(data);
  const elsewhere = await openTestStore(t, testKv(t, other.endpoint));
  const kept = elsewhere.reader.get(configMapKind, 'default/kept');
  t.deepEqual(kept?.object['data'], { at: 'before' });
  t.true((kept?.revision ?? 0) > revision);
});
