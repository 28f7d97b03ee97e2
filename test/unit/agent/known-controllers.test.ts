import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { KnownControllers } from '../../../agent/known-controllers.ts';
import { knownControllersMax } from '../../../agent/limits.ts';
import { silentLog } from '../../../proto/process/log.ts';

test('a node that knew one controller finds the others again after a restart, also those that were away when it was last told', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-known-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'controllers.json');
  const open = (): KnownControllers => new KnownControllers(['a:1'], file, silentLog);
  const controllers = open();
  t.deepEqual(controllers.endpoints, ['a:1']);
  controllers.told(['a:1', 'b:1', 'c:1']);
  controllers.told(['a:1', 'b:1']);
  t.deepEqual(open().endpoints.toSorted(), ['a:1', 'b:1', 'c:1']);
  controllers.told([]);
  t.deepEqual(controllers.endpoints, ['a:1', 'c:1', 'b:1']);
  controllers.told(Array.from({ length: knownControllersMax }, (_, at) => `d${at}:1`));
  t.deepEqual(new Set(open().endpoints), new Set(['a:1', ...Array.from({ length: knownControllersMax }, (_, at) => `d${at}:1`)]));
  writeFileSync(file, '{"half');
  t.deepEqual(open().endpoints, ['a:1']);
});

test('what is told again is not written again', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-known-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'controllers.json');
  const controllers = new KnownControllers(['a:1'], file, silentLog);
  controllers.told(['a:1', 'b:1']);
  writeFileSync(file, 'untouched');
  controllers.told(['b:1']);
  controllers.told(['b:1', 'a:1']);
  t.is(readFileSync(file, 'utf8'), 'untouched');
});
