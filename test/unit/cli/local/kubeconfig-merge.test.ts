import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { knownKubeconfigs, kubeconfigFiles, mergeKubeconfig, recordKubeconfigs, removeFromKubeconfig } from '../../../../cli/local/kubeconfig-merge.ts';
import { defaultSettings, paths } from '../../../../cli/local/settings.ts';

const entry = { name: 'berth', server: 'https://127.0.0.1:6443', authority: 'CA', certPem: 'CERT', keyPem: 'KEY' };
const others = `# mine
apiVersion: v1
kind: Config
clusters:
  # the one at work
  - name: work
    cluster: { server: "https://work:6443" }
contexts:
  - { name: work, context: { cluster: work, user: me } }
users:
  - { name: me, user: { token: t } }
current-context: work
`;

const withFolder = (work: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-kubeconfig-'));
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

test('a context is merged, made current, and taken out again; what else is there stays, comments too', (t) => {
  withFolder((folder) => {
    const path = join(folder, 'config');
    writeFileSync(path, others);
    mergeKubeconfig({ path }, entry);
    mergeKubeconfig({ path }, entry);
    const merged = parse(readFileSync(path, 'utf8'));
    t.is(merged['current-context'], 'berth');
    t.deepEqual(merged.contexts.map((context: { name: string }) => context.name), ['work', 'berth']);
    t.is(merged.clusters[1].cluster['certificate-authority-data'], Buffer.from('CA').toString('base64'));
    t.true(readFileSync(path, 'utf8').includes('# the one at work'));

    removeFromKubeconfig({ path }, 'berth', 'CA');
    const left = parse(readFileSync(path, 'utf8'));
    t.deepEqual(left.contexts.map((context: { name: string }) => context.name), ['work']);
    t.deepEqual([left.clusters.length, left.users.length, left['current-context']], [1, 1, '']);
    t.true(readFileSync(path, 'utf8').startsWith('# mine'));
  });
});

test('another current context stays current when ours is removed', (t) => {
  withFolder((folder) => {
    const path = join(folder, 'config');
    writeFileSync(path, others);
    mergeKubeconfig({ path }, entry);
    writeFileSync(path, readFileSync(path, 'utf8').replace('current-context: berth', 'current-context: work'));
    removeFromKubeconfig({ path }, 'berth', 'CA');
    t.is(parse(readFileSync(path, 'utf8'))['current-context'], 'work');
  });
});

test('a context of the same name that belongs to another cluster is not removed', (t) => {
  withFolder((folder) => {
    const path = join(folder, 'config');
    mergeKubeconfig({ path }, { ...entry, authority: 'ANOTHER' });
    const before = readFileSync(path, 'utf8');
    removeFromKubeconfig({ path }, 'berth', 'CA');
    t.is(readFileSync(path, 'utf8'), before);
  });
});

test('a new file is the caller’s alone to read; one that was there keeps its mode, a link stays a link', (t) => {
  withFolder((folder) => {
    const fresh = join(folder, 'deep', 'er', 'config');
    mergeKubeconfig({ path: fresh }, entry);
    t.is(statSync(fresh).mode & 0o777, 0o600);
    t.is(statSync(join(folder, 'deep')).mode & 0o777, 0o700);

    const real = join(folder, 'real');
    writeFileSync(real, others);
    chmodSync(real, 0o640);
    const link = join(folder, 'link');
    symlinkSync(real, link);
    mergeKubeconfig({ path: link }, entry);
    t.true(lstatSync(link).isSymbolicLink());
    t.is(statSync(real).mode & 0o777, 0o640);
    t.true(readFileSync(real, 'utf8').includes('berth'));
  });
});

test('broken YAML is refused and left as it is', (t) => {
  withFolder((folder) => {
    const path = join(folder, 'config');
    writeFileSync(path, 'clusters: [a: {');
    t.throws(() => mergeKubeconfig({ path }, entry), { message: /is not valid YAML .*mend it or set KUBECONFIG/ });
    t.is(readFileSync(path, 'utf8'), 'clusters: [a: {');
  });
});

test('$KUBECONFIG names the file, its first entry when there are several; under sudo it is the caller’s', (t) => {
  t.deepEqual(kubeconfigFiles({ KUBECONFIG: '/a/b:/c', HOME: '/root' }), [{ path: '/a/b' }]);
  t.deepEqual(kubeconfigFiles({ KUBECONFIG: '/a/b', HOME: '/root', SUDO_UID: '1000', SUDO_GID: '1001' }), [{ path: '/a/b', owner: { uid: 1000, gid: 1001 } }]);
  t.deepEqual(kubeconfigFiles({ HOME: '/root' }), [{ path: '/root/.kube/config' }]);
});

test('files that up wrote to are known to down in another shell', (t) => {
  withFolder((folder) => {
    const settings = defaultSettings(folder);
    mkdirSync(paths(folder).config);
    t.false(existsSync(join(paths(folder).config, 'kubeconfigs.json')));
    recordKubeconfigs(settings, [{ path: '/elsewhere' }]);
    t.deepEqual(knownKubeconfigs(settings, { KUBECONFIG: '/here' }), [{ path: '/elsewhere' }, { path: '/here' }]);
    t.deepEqual(knownKubeconfigs(settings, { KUBECONFIG: '/elsewhere' }), [{ path: '/elsewhere' }]);
    // What a power cut can leave.
    writeFileSync(join(settings.dataDir, 'config', 'kubeconfigs.json'), '');
    t.deepEqual(knownKubeconfigs(settings, { KUBECONFIG: '/here' }), [{ path: '/here' }]);
  });
});
