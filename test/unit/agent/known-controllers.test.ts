import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KnownControllers } from '../../../agent/known-controllers.ts';
import { formerControllersMax } from '../../../agent/limits.ts';
import { silentLog } from '../../../proto/process/log.ts';

const fileOf = (t: ExecutionContext): string => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-known-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return join(dir, 'controllers.json');
};

test('a node that knew one controller finds the others, also after a restart, and tries those that were there before only then', (t) => {
  const file = fileOf(t);
  const open = (): KnownControllers => new KnownControllers(['a:1'], file, silentLog);
  const controllers = open();
  t.deepEqual([controllers.endpoints, controllers.spareEndpoints], [['a:1'], []]);
  controllers.told(['c:1', 'a:1', 'b:1']);
  t.deepEqual([open().endpoints, open().spareEndpoints], [['a:1', 'b:1', 'c:1'], []]);
  controllers.told(['b:1']);
  t.deepEqual([open().endpoints, open().spareEndpoints], [['b:1'], ['a:1', 'c:1']]);
  controllers.told(['b:1', 'c:1']);
  t.deepEqual([open().endpoints, open().spareEndpoints], [['b:1', 'c:1'], ['a:1']]);
  for (let at = 0; at <= formerControllersMax; at += 1) controllers.told([`d${at}:1`]);
  t.is(open().spareEndpoints.length, formerControllersMax + 1);
});

test('what tells nothing new is not written, and a damaged file is as good as none', (t) => {
  const file = fileOf(t);
  const controllers = new KnownControllers(['a:1'], file, silentLog);
  controllers.told(['a:1', 'b:1']);
  writeFileSync(file, '{"half');
  controllers.told(['b:1', 'a:1']);
  controllers.told([]);
  t.deepEqual(controllers.endpoints, ['a:1', 'b:1']);
  t.is(readFileSync(file, 'utf8'), '{"half');
  t.deepEqual(new KnownControllers(['a:1'], file, silentLog).endpoints, ['a:1']);
});
