import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { agentConfig } from '../../../agent/config.ts';
import { type InstallArguments, run } from '../../../cli/commands/install.ts';
import { UsageError } from '../../../cli/errors.ts';
import { hasJoined, installAgent, nodeCertificate } from '../../../cli/install/agent.ts';
import { updateKubeconfig } from '../../../cli/install/kubeconfig.ts';
import { type Layout, layoutOf } from '../../../cli/install/layout.ts';
import { installServer, type ServerSettings } from '../../../cli/install/server.ts';
import { unitText } from '../../../cli/install/units.ts';
import { addServers } from '../../../cli/local/kubeconfig-merge.ts';
import type { Program } from '../../../cli/program.ts';
import { createAuthority, issueCertificate } from '../../../proto/process/tls.ts';
import type { Client } from '../../../proto/client.ts';
import { notFound } from '../../../proto/errors.ts';
import { endpointsKind } from '../../../proto/kinds.ts';
import { systemClock } from '../../../proto/process/clock.ts';
import { readConfig } from '../../../proto/process/config.ts';
import type { ServerGrant } from '../../../proto/joining.ts';
import { joinServers } from '../../fixtures/join-server.ts';

const folder = new URL('../../../deploy/systemd/', import.meta.url);
const units = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const);

test('below another root everything is there, and the units name nothing outside it', (t) => {
  const { root, config, agentData, cgroupParent } = layoutOf('/srv/try');
  t.is(config('agent.yaml'), '/srv/try/etc/berth/agent.yaml');
  t.is(agentData, '/srv/try/var/lib/berth-agent');
  t.regex(cgroupParent, /^\/berth-[0-9a-f]{8}$/);
  for (const [name, text] of units) {
    const paths = [...unitText(text, root).matchAll(/(?<!\w)(\/[\w/.-]*berth[\w/.-]*)/g)].map((match) => match[1] ?? '');
    t.true(paths.length > 0, name);
    t.deepEqual(paths.filter((path) => !path.startsWith('/srv/try/')), [], name);
  }
});

test('at the root the units are what they are in the repository', (t) => {
  t.is(layoutOf('/').config('agent.yaml'), '/etc/berth/agent.yaml');
  t.is(layoutOf('/').cgroupParent, '/berth');
  for (const [name, text] of units) t.is(unitText(text, '/'), text, name);
});

test('whoever keeps containers alive is ended alone, and everything comes back', (t) => {
  for (const [name, text] of units) t.regex(text, /^Restart=always$/m, name);
  // By itself systemd gives a unit up that ends five times in ten seconds: an agent whose server is not there yet.
  for (const [name, text] of units) t.regex(text.split('[Service]')[0] ?? '', /^StartLimitIntervalSec=0$/m, name);
  for (const name of ['berth-agent.service', 'berth-containerd.service']) t.regex(units.find(([unit]) => unit === name)?.[1] ?? '', /^KillMode=process$/m, name);
});

const newLayout = (t: ExecutionContext): Layout => {
  const root = mkdtempSync(join(tmpdir(), 'berth-install-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  return layoutOf(root);
};

const clusterOf = (layout: Layout) =>
  (parse(readFileSync(layout.config('admin.kubeconfig'), 'utf8')) as { clusters: { cluster: { server: string; extensions?: { extension: { servers: string[] } }[] } }[] }).clusters[0]?.cluster;

const settings: ServerSettings = {
  name: 'two', address: '192.0.2.2', apiPort: 6443, nodesPort: 6444, names: [], certificateLifetimeSeconds: 86_400,
  etcd: { type: 'external', endpoints: ['http://192.0.2.9:2379'] }, cluster: {},
};

test('the kubeconfig of a further server names all servers, and each can be told of those that come later', async (t) => {
  const { authority, token, start } = await joinServers(t);
  const grant: ServerGrant = {
    caPem: authority.certPem, caKeyPem: authority.keyPem, etcd: { endpoints: ['http://192.0.2.9:2379'] },
    settings: { certificateLifetimeSeconds: 86_400 }, servers: ['https://192.0.2.1:6443', 'https://192.0.2.3:6443'],
  };
  const { url } = await start({ status: 200, body: grant });
  const layout = newLayout(t);
  await installServer(layout, { ...settings, join: { urls: [url], token } });
  const own = 'https://192.0.2.2:6443';
  t.is(clusterOf(layout)?.server, own);
  t.deepEqual(clusterOf(layout)?.extensions?.[0]?.extension.servers, [own, url, ...grant.servers]);
  const file = { path: layout.config('admin.kubeconfig') };
  addServers(file, 'berth', ['https://192.0.2.4:6443', own]);
  const all = [own, url, ...grant.servers, 'https://192.0.2.4:6443'];
  t.deepEqual(clusterOf(layout)?.extensions?.[0]?.extension.servers, all);
  t.regex(readFileSync(file.path, 'utf8'), /^# Written by "berth install"/);

  const first = newLayout(t);
  await installServer(first, settings);
  t.is(clusterOf(first)?.extensions, undefined);
  const before = readFileSync(first.config('admin.kubeconfig'), 'utf8');
  addServers({ path: first.config('admin.kubeconfig') }, 'berth', [own]);
  t.is(readFileSync(first.config('admin.kubeconfig'), 'utf8'), before);
  addServers({ path: first.config('admin.kubeconfig') }, 'berth', [own, 'https://192.0.2.4:6443']);
  t.deepEqual(clusterOf(first)?.extensions?.[0]?.extension.servers, [own, 'https://192.0.2.4:6443']);
});

test('installing again adds the servers that the API names, and none where it names none yet', async (t) => {
  const layout = newLayout(t);
  await installServer(layout, settings);
  const signal = new AbortController().signal;
  const absent = { get: () => Promise.reject(notFound(endpointsKind, 'kubernetes')) } as unknown as Client;
  await updateKubeconfig(layout, absent, signal);
  t.is(clusterOf(layout)?.extensions, undefined);
  const subsets = [{ addresses: [{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }], ports: [{ name: 'https', port: 6443 }] }, { addresses: [{ ip: '192.0.2.3' }], ports: [{ name: 'https', port: 7443 }] }];
  const client = { get: () => Promise.resolve({ subsets }) } as unknown as Client;
  await updateKubeconfig(layout, client, signal);
  t.deepEqual(clusterOf(layout)?.extensions?.[0]?.extension.servers, ['https://192.0.2.2:6443', 'https://192.0.2.1:6443', 'https://192.0.2.3:7443']);
  rmSync(layout.config('admin.kubeconfig'));
  await updateKubeconfig(layout, client, signal);
  t.false(existsSync(layout.config('admin.kubeconfig')), 'one that somebody took away stays away');
});

test('an agent may join by any of the servers that it was given', (t) => {
  const layout = newLayout(t);
  const servers = ['https://192.0.2.1:6443', 'https://192.0.2.2:6443'];
  installAgent(layout, { name: 'one', address: '192.0.2.1', servers, nodesPort: 6444, pauseImage: 'pause', token: 't' });
  const { join: by, controllers } = readConfig(layout.config('agent.yaml'), agentConfig);
  t.deepEqual(by.url, servers);
  t.deepEqual(controllers, ['192.0.2.1:6444', '192.0.2.2:6444']);
});

test('installing a server again starts no etcd that it never had', async (t) => {
  const layout = newLayout(t);
  t.deepEqual(await installServer(layout, settings), ['berth-controller']);
  t.deepEqual(await installServer(layout, { ...settings, etcd: { type: 'local' } }), ['berth-controller']);
});

test('a node whose certificate has run out has to join again', async (t) => {
  const layout = newLayout(t);
  const nowMs = Date.now();
  t.false(hasJoined(layout, nowMs));
  const authority = await createAuthority({ commonName: 'test', days: 2 });
  const { certPem } = await issueCertificate(authority, { commonName: 'system:node:one', usages: ['client'], days: 1 });
  mkdirSync(join(nodeCertificate(layout), '..'), { recursive: true });
  writeFileSync(nodeCertificate(layout), certPem);
  t.true(hasJoined(layout, nowMs));
  t.false(hasJoined(layout, nowMs + 2 * 86_400_000));
  writeFileSync(nodeCertificate(layout), 'damaged');
  t.false(hasJoined(layout, nowMs));
});

const badArguments: Readonly<Record<string, Partial<InstallArguments>>> = {
  'a name for an address': { address: 'one.example' },
  'an address that is none': { address: '192.0.2' },
  'an address that no other machine reaches': { address: '127.0.0.1' },
  'a name that no node can have': { name: 'node_1' },
  'a port that is none': { apiPort: Number.NaN },
  'a port beyond all': { nodesPort: 65_536 },
  'a broken further name': { apiName: ['load balancer'] },
  'a broken further address': { apiName: ['10.0.0.999'] },
  'a range without its size': { podNetwork: '10.244.0.0' },
  'a range too small for a node': { podNetwork: '10.244.0.0/25' },
  'a range that is none': { serviceNetwork: '10.96.0/16' },
  'pods and services at the same addresses': { podNetwork: '10.96.128.0/20' },
  'an etcd without a scheme': { etcd: ['192.0.2.9:2379'] },
  'a token without a server': { tokenFile: '/dev/null' },
  'an etcd of a further server': { server: ['https://192.0.2.1:6443'], etcd: ['http://192.0.2.9:2379'] },
  'a pod network of a further server': { server: ['https://192.0.2.1:6443'], podNetwork: '10.244.0.0/16' },
  'a token file that is not there': { server: ['https://192.0.2.1:6443'], tokenFile: '/nowhere/token' },
  'a token file that holds none': { server: ['https://192.0.2.1:6443'], tokenFile: '/dev/null' },
};

for (const [title, bad] of Object.entries(badArguments)) {
  test(`${title} is told before anything is written`, async (t) => {
    const { root } = newLayout(t);
    const args: InstallArguments = {
      role: 'server', name: 'one', address: '192.0.2.1', server: [], apiPort: 6443, nodesPort: 6444, apiName: [], etcd: [], certificateLifetime: '365d', pauseImage: 'pause', root, start: false, ...bad,
    };
    const terminal = { write: () => undefined, isTerminal: false };
    const program = { clock: systemClock, stdout: terminal, stderr: terminal, signal: new AbortController().signal } as unknown as Program;
    await t.throwsAsync(run(args, program), { instanceOf: UsageError });
    t.deepEqual(readdirSync(root), []);
  });
}
