import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'ava';
import { RuntimeFailure } from '../../agent/runtime/runtime.ts';
import { until } from '../fixtures/child.ts';
import { type RuntimeFixture, startRuntime } from '../fixtures/containerd-runtime.ts';

let fixture: RuntimeFixture;
let hostDir: string;

test.before(async () => {
  fixture = await startRuntime();
  hostDir = mkdtempSync(`${tmpdir()}/berth-host-`);
});

test.after.always(async () => {
  await fixture?.stop();
  rmSync(hostDir, { recursive: true, force: true });
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

test.serial('files of ConfigMaps, Secrets, fields and projections are there, with their modes and group, and follow their objects', async (t) => {
  const { objects } = fixture;
  objects.set('ConfigMap', 'settings', { data: { color: 'red', size: 'xl' } });
  objects.set('Secret', 'keys', { data: { token: base64('hush') } });
  const pod = fixture.pod(
    'files',
    {
      volumeMounts: [
        { name: 'config', mountPath: '/config' },
        { name: 'secret', mountPath: '/secret', readOnly: true },
        { name: 'all', mountPath: '/all' },
        { name: 'config', mountPath: '/one/color', subPath: 'color' },
      ],
    },
    {
      securityContext: { fsGroup: 5555 },
      volumes: [
        { name: 'config', configMap: { name: 'settings', items: [{ key: 'color', path: 'deep/color', mode: 0o600 }, { key: 'color', path: 'color' }] } },
        { name: 'secret', secret: { secretName: 'keys', defaultMode: 0o400 } },
        {
          name: 'all',
          projected: {
            sources: [
              { configMap: { name: 'settings', items: [{ key: 'size', path: 'size' }] } },
              { secret: { name: 'keys' } },
              { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
              { configMap: { name: 'absent', optional: true } },
            ],
          },
        },
      ],
    },
  );
  const running = await fixture.run(pod);
  t.is(await fixture.sh(running, 'cat /config/deep/color /config/color /secret/token /all/size /all/token /all/labels'), 'redredhushxlhushapp="files"');
  t.is(await fixture.sh(running, 'stat -L -c "%a %g" /config/deep/color /secret/token'), '640 5555\n440 5555');
  t.regex(await fixture.sh(running, 'grep " /secret " /proc/mounts'), /^tmpfs .*\bro\b/);
  t.is(await fixture.sh(running, 'cat /one/color'), 'red');
  const before = await fixture.sh(running, 'readlink /config/..data');

  objects.set('ConfigMap', 'settings', { data: { color: 'blue', size: 's' } });
  await until('the new colour is there', async () => (await fixture.sh(running, 'cat /config/deep/color')) === 'blue');
  await until('the new size is there', async () => (await fixture.sh(running, 'cat /all/size')) === 's');
  t.not(await fixture.sh(running, 'readlink /config/..data'), before);
  t.is(await fixture.sh(running, 'cat /one/color'), 'red', 'a subPath keeps what it was mounted with');
  objects.delete('ConfigMap', 'settings');
  t.is(await fixture.sh(running, 'cat /config/color'), 'blue');
  await fixture.end(running);
  t.false(existsSync(`${fixture.containerd.rootDir}/pods/${running.uid}`));
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(running.uid));
});

test.serial('emptyDirs outlive a container, in memory with a limit, and are prepared again without loss', async (t) => {
  const pod = fixture.pod(
    'empty',
    { volumeMounts: [{ name: 'disk', mountPath: '/disk' }, { name: 'memory', mountPath: '/memory' }, { name: 'disk', mountPath: '/part', subPathExpr: 'of-$(NAME)' }], env: [{ name: 'NAME', value: 'me' }] },
    { volumes: [{ name: 'disk', emptyDir: {} }, { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }] },
  );
  const running = await fixture.run(pod);
  await fixture.sh(running, 'echo kept > /disk/file && echo kept > /memory/file && echo part > /part/file');
  t.is(await fixture.sh(running, 'dd if=/dev/zero of=/memory/big bs=1M count=2 2>&1 | grep -c "No space"'), '1');
  const usage = await fixture.runtime().volumeUsage(running.uid);
  t.deepEqual([...usage.keys()], ['disk']);
  t.true((usage.get('disk') ?? 0) > 0);

  await fixture.replace();
  await fixture.runtime().prepareVolumes(pod);
  await fixture.runtime().stopContainer(running.ids[0] ?? '', 0);
  const again = { ...running, ids: [await fixture.startContainer(running, pod.spec?.containers[0] ?? { name: '' }, 1)] };
  t.is(await fixture.sh(again, 'cat /disk/file /memory/file /part/file /disk/of-me/file'), 'kept\nkept\npart\npart');
  await fixture.end(again);
});

test.serial('hostPath is checked against its type, and no link in a volume leads out of it', async (t) => {
  const prepare = (path: string, type?: string): Promise<void> =>
    fixture.runtime().prepareVolumes(fixture.pod('host-path', {}, { volumes: [{ name: 'host', hostPath: { path, ...(type === undefined ? {} : { type }) } }] }));
  await prepare(`${hostDir}/made`, 'DirectoryOrCreate');
  t.true(existsSync(`${hostDir}/made`));
  await t.throwsAsync(prepare(`${hostDir}/made`, 'File'), { instanceOf: RuntimeFailure, message: /hostPath type check failed: .* is not a file/ });
  await t.throwsAsync(prepare(`${hostDir}/absent`, 'Directory'), { instanceOf: RuntimeFailure, message: /is not a directory/ });

  symlinkSync('/etc', `${hostDir}/made/escape`);
  const pod = fixture.pod(
    'escape',
    { volumeMounts: [{ name: 'host', mountPath: '/x', subPath: 'escape' }] },
    { volumes: [{ name: 'host', hostPath: { path: `${hostDir}/made` } }] },
  );
  await t.throwsAsync(fixture.run(pod), { instanceOf: RuntimeFailure, message: /leads out of the volume/ });
});

test.serial('what is missing or not supported is a FailedMount that says what', async (t) => {
  const prepare = (volume: Record<string, unknown>): Promise<void> =>
    fixture.runtime().prepareVolumes(fixture.pod('failing', {}, { volumes: [{ name: 'v', ...volume }] }));
  const missing = await t.throwsAsync(prepare({ configMap: { name: 'nowhere' } }), { instanceOf: RuntimeFailure, message: /configmap "nowhere" not found/ });
  t.is(missing?.reason, 'FailedMount');
  await t.throwsAsync(prepare({ nfs: { server: 'a', path: '/' } }), { instanceOf: RuntimeFailure, message: /volumes of type nfs/ });
  await t.throwsAsync(prepare({ projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }), { instanceOf: RuntimeFailure, message: /service account tokens/ });
  await t.notThrowsAsync(prepare({ configMap: { name: 'nowhere', optional: true } }));
});
