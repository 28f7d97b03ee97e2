/** What goes through a node's session to what runs there: usage, attaching, forwarded ports; on a cluster of two controllers, of which one has the session. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import anyTest, { type TestFn } from 'ava';
import { serviceKind } from '../../proto/kinds.ts';
import type { Service } from '../../proto/resources/kubernetes.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { ClusterPods, forever, isOver, podOf, shell } from '../fixtures/cluster-pods.ts';

const test = anyTest as TestFn;
let cluster: ClusterFixture;
let pods: ClusterPods;
let image: string;

const berth = fileURLToPath(new URL('../../deploy/berth', import.meta.url));

const asIt = (): NodeJS.ProcessEnv => ({ ...process.env, KUBECONFIG: cluster.kubeconfig, NO_COLOR: '1' });

test.before(async () => {
  cluster = await startCluster({ controllers: 2 });
  image = await pushScript(cluster, 'box:1', 'exec sleep 3600\n');
  pods = await ClusterPods.open(cluster);
});

test.after.always(async () => {
  await pods?.close().catch(() => undefined);
  await cluster?.stop();
});

/** A program that is given an input, and what it prints. */
const withInput = async (program: string, args: readonly string[], input: string): Promise<{ stdout: string; stderr: string; code: number }> => {
  const child = spawn(program, args, { env: asIt(), stdio: 'pipe' });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => void (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => void (stderr += bytes.toString()));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  return { stdout, stderr, code };
};

test.serial('kubectl and berth tell what nodes, pods and containers use', async (t) => {
  const busy = { ...shell(image, 'while :; do :; done', { name: 'busy' }), resources: { limits: { cpu: '200m', memory: '64Mi' } } };
  await pods.start(podOf('used', [busy, shell(image, forever, { name: 'idle' })], {}, { labels: { app: 'used' } }));
  const nodes = await cluster.run('kubectl', 'top', 'nodes');
  t.regex(nodes.stdout, /^node-1 +\d+m +\d+% +\d+Mi +\d+%/m, nodes.stderr);
  const containers = await cluster.run('kubectl', 'top', 'pods', '-l', 'app=used', '--containers');
  t.regex(containers.stdout, /^used +busy +[1-9]\d*m +\d+Mi/m, containers.stderr);
  t.regex(containers.stdout, /^used +idle +\d+m +\d+Mi/m);
  t.regex((await cluster.berth('top', 'nodes')).stdout, /^node-1 +\d+m +\d+% +\d+Mi +\d+%/m);
  // Through either controller: each connection goes to whichever accepts it.
  const tops = await Promise.all([0, 1, 2].map(() => cluster.client.json<{ containers: unknown[] }>('GET', '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/used')));
  for (const { containers: measured } of tops) t.is(measured.length, 2);
  t.regex((await cluster.berth('top', 'pods', '--sort-by', 'cpu')).stdout, /^used +[1-9]\d*m +\d+Mi/m);
  await pods.delete('used');
});

test.serial('who attaches gives a container its input, to its end, and sees its output', async (t) => {
  const listening = (name: string) => podOf(name, [{ ...shell(image, 'while read line; do echo "got $line"; done; echo end'), stdin: true, stdinOnce: true }], { restartPolicy: 'Never' });
  await Promise.all([pods.start(listening('by-kubectl')), pods.start(listening('by-berth'))]);
  const byKubectl = await withInput('kubectl', ['attach', '-i', 'by-kubectl'], 'one\ntwo\n');
  t.regex(byKubectl.stdout, /got one\ngot two\nend\n/, byKubectl.stderr);
  t.is((await pods.until('by-kubectl', isOver)).status?.phase, 'Succeeded');
  const byBerth = await withInput(berth, ['attach', '-i', 'by-berth'], 'three\n');
  t.deepEqual(byBerth, { stdout: 'got three\nend\n', stderr: '', code: 0 });
  t.is((await pods.until('by-berth', isOver)).status?.phase, 'Succeeded');
  t.not((await cluster.run('kubectl', 'attach', 'by-berth')).code, 0, 'it is over');
});

test.serial('a container that has a terminal is lent that of who attaches, and told its size', async (t) => {
  const sized = 'until [ "$(stty size)" = "33 101" ]; do sleep 0.1; done; read line; echo "sized $line"';
  const ways = [['sized-kubectl', 'kubectl'], ['sized-berth', berth]] as const;
  await Promise.all(ways.map(([name]) => pods.start(podOf(name, [{ ...shell(image, sized), stdin: true, tty: true }], { restartPolicy: 'Never' }))));
  for (const [name, program] of ways) {
    const { stdout, stderr } = await withInput('script', ['-qec', `stty rows 33 cols 101; ${program} attach -it ${name}`, '/dev/null'], 'typed\n');
    t.regex(stdout, /sized typed/, stderr);
    await pods.until(name, isOver);
  }
});

const server = `mkdir -p /www/cgi-bin; head -c 6000000 /dev/urandom > /www/file; sha256sum < /www/file > /www/sum
cat > /www/cgi-bin/hash <<'END'
#!/bin/sh
hash=$(head -c $CONTENT_LENGTH | sha256sum)
printf "Content-type: text/plain\\r\\n\\r\\n$hash"
END
chmod +x /www/cgi-bin/hash
httpd -p 127.0.0.1:8080 -h /www; ${forever}`;

type Forwarder = ChildProcessByStdio<null, Readable, Readable>;

/** Resolves to the port here. */
const forwarding = async (child: Forwarder): Promise<number> => {
  let text = '';
  for await (const bytes of child.stdout.iterator({ destroyOnReturn: false })) {
    text += String(bytes);
    const port = /Forwarding from 127\.0\.0\.1:(\d+) ->/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`it ended: ${text}`);
};

/** The whole answer of a server that closes after each. */
const answerOf = (port: number, path: string, body?: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method: body ? 'POST' : 'GET', agent: false, headers: body ? { 'content-length': body.length } : {} }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (bytes: Buffer) => chunks.push(bytes));
      response.on('error', reject);
      response.on('end', () => resolve(Buffer.concat(chunks)));
    });
    request.on('error', reject);
    request.end(body);
  });

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test.serial('a port here leads to one that listens inside the pod only, bytes unharmed, for several at once, by kubectl and berth', async (t) => {
  const readinessProbe = { exec: { command: ['/bin/sh', '-c', 'wget -q -O /dev/null http://127.0.0.1:8080/sum'] }, periodSeconds: 1 };
  await pods.start(podOf('served', [shell(image, server, { ports: [{ name: 'web', containerPort: 8080 }], readinessProbe })], {}, { labels: { app: 'served' } }));
  await cluster.client.create<Service>(serviceKind, 'default', {
    apiVersion: 'v1', kind: 'Service', metadata: { name: 'served' }, spec: { selector: { app: 'served' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
  });
  const ways: readonly (readonly [string, readonly string[]])[] = [
    ['kubectl', ['port-forward', 'pod/served', ':8080']],
    [berth, ['port-forward', 'service/served', ':http']],
  ];
  for (const [program, args] of ways) {
    const child: Forwarder = spawn(program, args, { env: asIt(), stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(child, 'close');
    let stderr = '';
    child.stderr.on('data', (bytes: Buffer) => void (stderr += bytes.toString()));
    try {
      const port = await forwarding(child);
      const ask = async (path: string, body?: Buffer): Promise<Buffer> => {
        try {
          return await answerOf(port, path, body);
        } catch (cause) {
          throw new Error(`${path} by ${program}: ${(cause as Error).message}; ${stderr}`, { cause });
        }
      };
      const sum = (await ask('/sum')).toString().slice(0, 64);
      const files = await Promise.all([1, 2, 3].map(async () => hashOf(await ask('/file'))));
      t.deepEqual(files, [sum, sum, sum], `${program}: ${stderr}`);
      const body = randomBytes(3_000_000);
      t.is((await ask('/cgi-bin/hash', body)).toString().trim().slice(0, 64), hashOf(body), program);
    } finally {
      child.kill('SIGINT');
      await ended;
    }
  }
  const child: Forwarder = spawn(berth, ['port-forward', 'served', ':9999'], { env: asIt(), stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  try {
    const port = await forwarding(child);
    const told = once(child.stderr, 'data');
    await t.throwsAsync(answerOf(port, '/'));
    t.regex(String((await told)[0]), /port 9999 failed: .*refused/s);
  } finally {
    child.kill('SIGINT');
    await ended;
  }
});
