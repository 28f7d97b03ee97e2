/**
 * deploy/README.md on three machines: two servers and three nodes, by tokens, with certificates so short-lived that all of
 * them are replaced meanwhile. The machines are network namespaces; the lines of the installed units are run as systemd would.
 */
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { nodeCertificate } from '../../cli/install/agent.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { registryHosts } from '../fixtures/containerd-config.ts';
import { eventually } from '../fixtures/eventually.ts';
import { busyboxImage, pauseImage, pushImage } from '../fixtures/images.ts';
import { InstalledMachine } from '../fixtures/installed-machine.ts';
import { connect, createNamespace } from '../fixtures/namespaces.ts';
import { startRegistry } from '../fixtures/registry.ts';
import { deployment } from '../fixtures/workload.ts';

const waitMs = 120_000;
const [hubAddress, port] = ['10.93.7.1', 5000];
const registry = `${hubAddress}:${port}`;

const numberOf = (file: string): string => new X509Certificate(readFileSync(file)).serialNumber;
const isReady = (node: Node): boolean => node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

test('three machines become a cluster by the steps of the paper, and their certificates are replaced while it runs', async (t) => {
  t.timeout(280_000);
  const dir = mkdtempSync(join(tmpdir(), 'berth-install-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const hub = createNamespace(t);
  hub.run('ip', 'link', 'add', 'br0', 'type', 'bridge');
  hub.run('ip', 'addr', 'add', `${hubAddress}/24`, 'dev', 'br0');
  hub.run('ip', 'link', 'set', 'br0', 'up');
  const machines = ['one', 'two', 'three'].map((name, at) => {
    const namespace = createNamespace(t);
    connect(hub, name, namespace, 'eth0', undefined, `10.93.7.${11 + at}/24`);
    hub.run('ip', 'link', 'set', name, 'master', 'br0');
    namespace.run('ip', 'route', 'add', 'default', 'via', hubAddress);
    const machine = new InstalledMachine(name, `10.93.7.${11 + at}`, join(dir, name), namespace);
    t.teardown(() => machine.remove());
    return machine;
  });
  const [one, two, three] = machines;
  if (!one || !two || !three) return t.fail();
  const enter = ['nsenter', `--net=/run/netns/${hub.name}`];
  const images = startRegistry({ dir: join(dir, 'registry'), port, address: hubAddress, enter, isPrivate: false }).then(async (child) => {
    t.teardown(() => child.stop());
    const builder = { dir: join(dir, 'build'), registry, enter };
    return { pause: await pushImage(builder, pauseImage), busybox: await pushImage(builder, busyboxImage) };
  });
  const nodes = async (): Promise<Node[]> => (JSON.parse(await one.berth(['get', 'nodes', '-o', 'json'])) as { items: Node[] }).items;
  const answers = (machine: InstalledMachine) => eventually(`the API of ${machine.name}`, async () => ((await machine.berth(['version'])).includes('Server Version') ? true : undefined), waitMs);

  // 1. The first server.
  await one.install(['server', '--certificate-lifetime', '60s']);
  await one.start('berth-etcd');
  await one.start('berth-controller');
  await answers(one);
  const first = { api: numberOf(join(one.layout.pki, 'controller.crt')), endMs: Date.parse(new X509Certificate(readFileSync(join(one.layout.pki, 'controller.crt'))).validTo) };

  // 2. A further server.
  const serverToken = await one.berth(['token', 'create', '--usage', 'server', '--ttl', '10m']);
  await two.install(['server', '--server', `https://${one.address}:6443`, '--token-file', '-'], serverToken);
  await two.start('berth-controller');
  const agentToken = await one.berth(['token', 'create']);
  await t.throwsAsync(three.install(['server', '--server', `https://${one.address}:6443`, '--token-file', '-'], agentToken), { message: /not for servers/ });

  // 3. The nodes.
  const { pause, busybox } = await images;
  for (const machine of machines) {
    const hosts = join(machine.layout.registries, registry);
    mkdirSync(hosts, { recursive: true });
    writeFileSync(join(hosts, 'hosts.toml'), registryHosts(registry));
    // They learn of the first server by themselves.
    await machine.install(['agent', '--server', `https://${two.address}:6443`, '--token-file', '-', '--pause-image', pause], agentToken);
    await machine.start('berth-containerd');
    await machine.start('berth-agent');
  }
  const joined = await eventually('each node has joined', async () => machines.map((machine) => numberOf(nodeCertificate(machine.layout))), waitMs);
  await eventually('three nodes are ready', async () => ((await nodes()).filter(isReady).length === 3 ? true : undefined), waitMs);

  // 4. Work for all of them, in reach of each other.
  const web = deployment('web', busybox, 3, ['/bin/busybox', 'sh', '-c', 'mkdir /www; echo here > /www/index.html; exec /bin/busybox httpd -f -p 8080 -h /www']);
  // A port of the host: one on each machine.
  const [container] = web.spec?.template.spec?.containers ?? [];
  if (container) container.ports = [{ containerPort: 8080, hostPort: 8080 }];
  await two.berth(['apply', '-f', '-'], JSON.stringify(web));
  const serving = () => eventually('a pod serves on each machine', async () => {
    const { items } = JSON.parse(await two.berth(['get', 'pods', '-o', 'json'])) as { items: Pod[] };
    const pods = items.filter((pod) => isPodReady(pod));
    if (new Set(pods.map(({ spec }) => spec?.nodeName)).size < 3) throw new Error(JSON.stringify(items.map(({ spec, status }) => [spec?.nodeName, status])));
    const pages = await Promise.all(pods.map(({ status }) => one.run([], '/bin/busybox', ['wget', '-q', '-O', '-', `http://${status?.podIP}:8080/`])));
    return pages.every((page) => page === 'here\n') ? pods.map(({ metadata, status }) => `${metadata.uid} ${status?.containerStatuses?.[0]?.restartCount}`).toSorted() : undefined;
  }, waitMs);
  const pods = await serving();

  // 5. Meanwhile every certificate is replaced, and past the end of the first ones nothing has noticed.
  await eventually('certificates are replaced', async () =>
    (machines.every((machine, at) => numberOf(nodeCertificate(machine.layout)) !== joined[at]) && numberOf(join(one.layout.pki, 'controller.crt')) !== first.api && Date.now() > first.endMs ? true : undefined), waitMs);
  const sessions = (servers: readonly InstalledMachine[]): number => servers.flatMap((machine) => readFileSync(machine.logOf('berth-controller'), 'utf8').split('\n'))
    .filter((line) => line.includes('node session started') && line.includes('three')).length;
  await three.stop('berth-agent');
  const before = sessions([one, two]);
  await three.start('berth-agent');
  for (const machine of [one, two]) await answers(machine);
  await eventually('the agent is back', async () => (sessions([one, two]) > before ? true : undefined), waitMs);
  await eventually('three nodes are ready', async () => ((await nodes()).filter(isReady).length === 3 ? true : undefined), waitMs);
  t.deepEqual(await serving(), pods, 'no pod was restarted');

  // 6. The server by which all have joined is lost: nodes and administrators go on with the other.
  await two.stop('berth-controller');
  await three.stop('berth-agent');
  const withFirst = sessions([one]);
  await three.start('berth-agent');
  await eventually('the agent finds the first server', async () => (sessions([one]) > withFirst ? true : undefined), waitMs);
  await answers(two);

  // 7. A token that is revoked lets nobody in.
  await one.berth(['token', 'delete', agentToken.trim()]);
  const again = new InstalledMachine('four', three.address, join(dir, 'four'), hub);
  await t.throwsAsync(again.install(['server', '--server', `https://${one.address}:6443`, '--token-file', '-'], agentToken), { message: /not known to this cluster, or was revoked/ });
});
