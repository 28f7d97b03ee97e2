import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { agentConfig } from '../../../agent/config.ts';
import { installAgent } from '../../../cli/install/agent.ts';
import { type Layout, layoutOf } from '../../../cli/install/layout.ts';
import { installServer, type ServerSettings } from '../../../cli/install/server.ts';
import { unitText } from '../../../cli/install/units.ts';
import { addServers } from '../../../cli/local/kubeconfig-merge.ts';
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

test('an agent may join by any of the servers that it was given', (t) => {
  const layout = newLayout(t);
  const servers = ['https://192.0.2.1:6443', 'https://192.0.2.2:6443'];
  installAgent(layout, { name: 'one', address: '192.0.2.1', servers, nodesPort: 6444, pauseImage: 'pause', token: 't' });
  const { join: by, controllers } = readConfig(layout.config('agent.yaml'), agentConfig);
  t.deepEqual(by.url, servers);
  t.deepEqual(controllers, ['192.0.2.1:6444', '192.0.2.2:6444']);
});
