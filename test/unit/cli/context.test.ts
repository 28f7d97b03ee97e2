import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import { openContext } from '../../../cli/context.ts';
import { UsageError } from '../../../cli/errors.ts';
import { ManualClock } from '../../fixtures/manual-clock.ts';

test('a kubeconfig that is asked for has to be there, and so have the files that it names', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-context-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const kubeconfig = join(dir, 'config');
  const open = () => openContext({ kubeconfig }, {}, new ManualClock());
  t.throws(open, { instanceOf: UsageError, message: `--kubeconfig ${kubeconfig} is not there` });
  writeFileSync(kubeconfig, stringify({
    'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://192.0.2.1:6443' } }], users: [{ name: 'u', user: { 'client-certificate': 'admin.crt', tokenFile: '..' } }],
  }));
  t.throws(open, { instanceOf: UsageError, message: `${join(dir, 'admin.crt')}, which the kubeconfig names, is not there` });
  writeFileSync(join(dir, 'admin.crt'), '');
  t.throws(open, { instanceOf: UsageError, message: `${join(dir, '..')}, which the kubeconfig names, cannot be read (EISDIR)` });
});
