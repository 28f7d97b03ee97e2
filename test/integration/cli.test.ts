/** The program as people and scripts run it, against a real API server: what it prints, where, and how it ends. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { type ApiFixture, startApi } from '../fixtures/api-server.ts';
import { type BerthFixture, berthFor, type BerthOutput } from '../fixtures/berth.ts';
import { createSigningRequest, fingerprint } from '../../proto/process/tls.ts';
import { hasKubectl, type Kubectl, kubectlFor } from '../fixtures/kubectl.ts';

interface Shared {
  fixture: ApiFixture;
  berth: BerthFixture;
  kubectl: Kubectl;
  /** Writes a file of the test's and gives its path. */
  file: (name: string, text: string) => string;
  teardowns: (() => unknown)[];
}

const test = anyTest as TestFn<Shared>;

// One server for all tests, which use names of their own. Those that leave a program running come first, one by one.
// A hook's own teardown would come before the tests.
test.before(async (t) => {
  const teardowns: (() => unknown)[] = [];
  const owner = { teardown: (step: () => unknown) => teardowns.unshift(step) } as unknown as ExecutionContext;
  t.context.teardowns = teardowns;
  const fixture = await startApi(owner);
  Object.assign(t.context, {
    fixture,
    berth: berthFor(fixture.dir, fixture.kubeconfigPath),
    kubectl: kubectlFor(fixture.dir, fixture.kubeconfigPath),
    file: (name: string, text: string) => {
      writeFileSync(join(fixture.dir, name), text);
      return join(fixture.dir, name);
    },
  });
});

test.after.always(async (t) => {
  for (const step of t.context.teardowns) await step();
});

const manifest = (name: string, replicas = 2, image = 'hello:1'): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, labels: { app: ${name} } }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - { name: web, image: "${image}" }
`;

const succeeded = (t: ExecutionContext, output: BerthOutput): string => {
  t.is(output.code, 0, output.stderr);
  return output.stdout;
};

const path = (name: string, sub = ''): string => `/apis/apps/v1/namespaces/default/deployments/${name}${sub}`;

/** What the Deployment's loop would report. */
const report = async (fixture: ApiFixture, name: string, status: object): Promise<void> => {
  const answer = await fixture.request('PATCH', path(name, '/status'), { body: { status }, headers: { 'content-type': 'application/merge-patch+json' } });
  if (answer.status !== 200) throw new Error(answer.text);
};

test.serial('apply creates, leaves and configures; berth and kubectl may take turns', async (t) => {
  const { berth, kubectl, file } = t.context;
  const first = file('mixed.yaml', manifest('mixed'));
  t.is(succeeded(t, await berth(['apply', '-f', first])), 'deployment.apps/mixed created\n');
  t.is(succeeded(t, await berth(['apply', '-f', first])), 'deployment.apps/mixed unchanged\n');
  const second = file('mixed-2.yaml', manifest('mixed', 3).replace(', labels: { app: mixed }', ''));
  if (await hasKubectl()) {
    t.is((await kubectl(['apply', '-f', first])).stdout, 'deployment.apps/mixed unchanged\n');
    t.is((await kubectl(['apply', '-f', second])).stdout, 'deployment.apps/mixed configured\n');
    t.is(succeeded(t, await berth(['apply', '-f', second])), 'deployment.apps/mixed unchanged\n');
  } else t.is(succeeded(t, await berth(['apply', '-f', second])), 'deployment.apps/mixed configured\n');
  t.deepEqual(JSON.parse(succeeded(t, await berth(['get', 'deploy/mixed', '-o', 'json']))).metadata.labels, undefined);
});

test.serial('apply --dry-run changes nothing', async (t) => {
  const { berth, file } = t.context;
  t.is(succeeded(t, await berth(['apply', '--dry-run=server', '-f', file('dry.yaml', manifest('dry'))])), 'deployment.apps/dry created (server dry run)\n');
  t.is((await berth(['get', 'deploy', 'dry'])).code, 1);
});

test.serial('apply sends nothing when any document is wrong, and says where', async (t) => {
  const { berth } = t.context;
  const output = await berth(['apply', '-f', '-'], `${manifest('half')}---\n${manifest('other').replace('image:', 'imagee:')}`);
  t.is(output.code, 1);
  t.is(output.stderr, 'error: stdin:23:24: spec.template.spec.containers[0].imagee: unknown field; did you mean "image"?\n');
  t.is((await berth(['get', 'deploy', 'half'])).code, 1);
});

test.serial('what the server refuses is told at its line and column', async (t) => {
  const { berth } = t.context;
  const output = await berth(['apply', '-f', '-'], manifest('negative', -1));
  t.deepEqual([output.code, output.stdout, output.stderr], [1, '', 'error: stdin:5:13: spec.replicas: Invalid value: -1: must be greater than or equal to 0\n']);
});

test.serial('apply --wait ends when the rollout is done', async (t) => {
  const { berth, fixture, file } = t.context;
  const running = berth.start(['apply', '--wait', '-f', file('waited.yaml', manifest('waited'))]);
  await running.printed(/waiting for the controller/);
  await report(fixture, 'waited', { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 1, availableReplicas: 1, unavailableReplicas: 1 });
  await running.printed(/1\/2 ready/);
  await report(fixture, 'waited', { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2, unavailableReplicas: null });
  const output = await running.done;
  t.is(output.code, 0);
  t.regex(output.stderr, /deployment\.apps\/waited {2}2\/2 ready {2}\d/);
});

test.serial('apply --wait says why a rollout is stuck', async (t) => {
  const { berth, fixture, file } = t.context;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'stuck-1', labels: { app: 'stuck' } }, spec: { containers: [{ name: 'web', image: 'none' }] } };
  t.is((await fixture.request('POST', '/api/v1/namespaces/default/pods', { body: pod })).status, 201);
  const status = { phase: 'Pending', containerStatuses: [{ name: 'web', image: 'none', imageID: '', ready: false, restartCount: 0, state: { waiting: { reason: 'ErrImagePull', message: 'there is no such image' } } }] };
  await fixture.request('PATCH', '/api/v1/namespaces/default/pods/stuck-1/status', { body: { status }, headers: { 'content-type': 'application/merge-patch+json' } });
  const running = berth.start(['apply', '--wait', '-f', file('stuck.yaml', manifest('stuck'))]);
  await running.printed(/ErrImagePull/);
  await report(fixture, 'stuck', { observedGeneration: 1, replicas: 1, updatedReplicas: 1, conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'late' }] });
  const output = await running.done;
  t.is(output.code, 1);
  t.regex(output.stderr, /error: deployment "stuck" exceeded its progress deadline; pod\/stuck-1: container web: ErrImagePull: there is no such image\n$/);
});

test.serial('a wait that takes too long ends with what was seen last', async (t) => {
  const { berth, file } = t.context;
  const output = await berth(['apply', '--wait', '--timeout', '300ms', '-f', file('late.yaml', manifest('late'))]);
  t.is(output.code, 1);
  t.regex(output.stderr, /error: deployment "late" is not rolled out after 0\.3 s/);
});

test.serial('on a terminal apply waits by itself, on a line that is written over', async (t) => {
  const { berth, fixture, file } = t.context;
  const running = berth.start(['apply', '-f', file('terminal.yaml', manifest('terminal'))], true);
  await running.printed(/waiting for the controller/);
  await report(fixture, 'terminal', { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 });
  const { code, stdout } = await running.done;
  t.is(code, 0);
  t.true(stdout.includes('created\r\n\r\u001b[K\u001b[36m…\u001b[0m deployment.apps/terminal  waiting for the controller'), JSON.stringify(stdout));
  t.true(stdout.includes('\r\u001b[K\u001b[32m✓\u001b[0m deployment.apps/terminal  2/2 ready'), JSON.stringify(stdout));
});

test.serial('Ctrl-C ends a wait at once and leaves a clean line', async (t) => {
  const { berth, file } = t.context;
  const running = berth.start(['apply', '-f', file('interrupted.yaml', manifest('interrupted'))], true);
  await running.printed(/waiting for the controller/);
  running.child.stdin?.write('\u0003');
  const { code, stdout } = await running.done;
  t.is(code, 130);
  t.true(stdout.endsWith('\r\u001b[K'), JSON.stringify(stdout));
});

test.serial('scale checks what is there now, and sets what is wanted', async (t) => {
  const { berth } = t.context;
  succeeded(t, await berth(['apply', '-f', '-'], manifest('scaled')));
  t.is((await berth(['scale', 'deploy/scaled', '--replicas', '5', '--current-replicas', '4'])).code, 1);
  t.is(succeeded(t, await berth(['scale', 'deploy', 'scaled', '--replicas', '5', '--current-replicas', '2'])), 'deployment.apps/scaled scaled\n');
  t.is(succeeded(t, await berth(['get', 'deploy/scaled', '-o', 'jsonpath={.spec.replicas}'])), '5');
});

test.serial('a name that is not there is answered with the nearest one', async (t) => {
  const { berth } = t.context;
  succeeded(t, await berth(['apply', '-f', '-'], manifest('nearby')));
  const output = await berth(['describe', 'deploy', 'neerby']);
  t.deepEqual([output.code, output.stderr], [1, 'error: deployments.apps "neerby" not found; did you mean "nearby"?\n']);
});

test.serial('tables have kubectl’s columns, in its widths', async (t) => {
  const { berth, kubectl } = t.context;
  succeeded(t, await berth(['apply', '-f', '-'], manifest('tabled')));
  const mine = succeeded(t, await berth(['get', 'deploy', 'tabled', '-o', 'wide']));
  t.regex(mine, /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\ntabled +0\/2 /);
  if (await hasKubectl()) {
    const theirs = (await kubectl(['get', 'deploy', 'tabled', '-o', 'wide'])).stdout;
    t.is(mine.split('\n')[0], theirs.split('\n')[0]?.trimEnd());
  }
});

test.serial('get -w prints what changes until it is interrupted', async (t) => {
  const { berth } = t.context;
  succeeded(t, await berth(['apply', '-f', '-'], manifest('watched')));
  const running = berth.start(['get', 'deploy', 'watched', '-w']);
  await running.printed(/watched +0\/2/);
  succeeded(t, await berth(['scale', 'deploy/watched', '--replicas', '7']));
  await running.printed(/watched +0\/7/);
  running.child.kill('SIGINT');
  const { code, stderr } = await running.done;
  t.deepEqual([code, stderr], [130, '']);
});

test.serial('get -w follows several kinds, each row with its own, and knows a name that is not there', async (t) => {
  const { berth } = t.context;
  const running = berth.start(['get', 'deployments,configmaps', '-l', 'app=several', '-w']);
  succeeded(t, await berth(['apply', '-f', '-'], `${manifest('several')}---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: several, labels: { app: several } }\n`));
  await running.printed(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\ndeployment\.apps\/several +0\/2/m);
  await running.printed(/^NAME +DATA +AGE\nconfigmap\/several +0/m);
  running.child.kill('SIGINT');
  t.is((await running.done).code, 130);
  const absent = await berth(['get', 'deploy', 'severel', '-w']);
  t.deepEqual([absent.code, absent.stderr], [1, 'error: deployments.apps "severel" not found; did you mean "several"?\n']);
});

test.serial('delete says what it deletes, waits, and refuses to guess', async (t) => {
  const { berth } = t.context;
  succeeded(t, await berth(['apply', '-f', '-'], manifest('gone')));
  t.is((await berth(['delete', 'deployments'])).code, 2);
  t.is(succeeded(t, await berth(['delete', 'deploy', 'gone'])), 'deployment.apps "gone" deleted\n');
  t.is((await berth(['delete', 'deploy', 'gone'])).code, 1);
  t.is((await berth(['delete', 'deploy', 'gone', '--ignore-not-found'])).code, 0);
});

test.serial('delete waits for finalizers, no longer than it may', async (t) => {
  const { berth, fixture } = t.context;
  const held = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'held', finalizers: ['example.com/hold'] } };
  t.is((await fixture.request('POST', '/api/v1/namespaces/default/configmaps', { body: held })).status, 201);
  const late = await berth(['delete', 'cm', 'held', '--timeout', '300ms']);
  t.deepEqual([late.code, late.stderr], [1, 'error: still there after 0.3 s: configmap/held\n']);
  const running = berth.start(['wait', 'cm/held', '--for=delete']);
  const patch = { body: { metadata: { finalizers: null } }, headers: { 'content-type': 'application/merge-patch+json' } };
  t.is((await fixture.request('PATCH', '/api/v1/namespaces/default/configmaps/held', patch)).status, 200);
  const { code } = await running.done;
  t.is(code, 0);
});

test.serial('wrong usage ends with 2, runs nothing, and says what would be right', async (t) => {
  const { berth } = t.context;
  succeeded(t, await berth(['apply', '-f', '-'], manifest('kept')));
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['gett', 'pods'], /did you mean "get"/],
    [['get', 'podz'], /did you mean "pods"/],
    [['delete', 'deploy', 'kept', '--foo'], /no flag "--foo" here; "berth delete --help"/],
    [['get', 'pods', '--sellector', 'a=b'], /no flag "--sellector" here; did you mean "--selector"\?/],
    [['get', 'pods', '--no-heders'], /did you mean "--no-headers"\?/],
    [['rollout', 'undo'], /only 1 of 2 words of "berth rollout <action> <what..>"/],
    [['get', 'pods', '-o', 'table'], /known are wide/],
    [['get', 'pods', '-o', 'jsonpath={.a'], /jsonpath/],
    [['scale', 'deploy/kept'], /--replicas/],
    [['scale', 'pod/x', '--replicas', '1'], /deployments and replicasets have/],
    [['wait', 'deploy/kept', '--for', 'ready'], /known are condition=NAME/],
    [['apply'], /-f/],
    [['get', 'pods', '--context', 'nowhere'], /there is: test/],
  ];
  for (const [args, words] of cases) {
    const output = await berth(args);
    t.is(output.code, 2, args.join(' '));
    t.regex(output.stderr, words);
    t.is(output.stderr.split('\n').length, 2, output.stderr);
    t.is(output.stdout, '');
  }
  t.is((await berth(['get', 'deploy', 'kept'])).code, 0);
});

test.serial('a server that is not there is told with how to start one', async (t) => {
  const { berth, file } = t.context;
  const kubeconfig = file('elsewhere', JSON.stringify({
    clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:1' } }], contexts: [{ name: 'a', context: { cluster: 'a' } }], 'current-context': 'a',
  }));
  const output = await berth(['get', 'pods', '--kubeconfig', kubeconfig]);
  t.is(output.code, 1);
  t.regex(output.stderr, /^error: cannot reach https:\/\/127\.0\.0\.1:1: .*"sudo berth up".*\n$/);
});

test.serial('every command explains itself with examples', async (t) => {
  const { berth } = t.context;
  const overview = succeeded(t, await berth(['--help']));
  for (const name of ['up', 'down', 'build', 'apply', 'get', 'describe', 'delete', 'scale', 'rollout', 'logs', 'events', 'wait', 'explain', 'version', 'completion']) {
    t.regex(overview, new RegExp(`^ +${name} `, 'm'));
    t.regex(succeeded(t, await berth([name, '--help'])), /Examples:/, name);
  }
});

test.serial('explain knows fields, and the nearest to one that is not there', async (t) => {
  const { berth } = t.context;
  t.regex(succeeded(t, await berth(['explain', 'deploy.spec.replicas'])), /KIND: +Deployment[\s\S]*FIELD: replicas\t<integer>[\s\S]*Number of desired pods/);
  t.regex(succeeded(t, await berth(['explain', 'pods', '--recursive'])), /containers\t<\[\]Container> -required-\n[\s\S]*\n +image\t<string>/);
  t.regex((await berth(['explain', 'deploy.spec.replica'])).stderr, /did you mean "replicas"/);
});

test.serial('completion offers commands, kinds, names and flags', async (t) => {
  const { berth } = t.context;
  succeeded(t, await berth(['apply', '-f', '-'], manifest('completed')));
  const offered = async (...words: string[]): Promise<string[]> => (await berth(['__complete', ...words])).stdout.split('\n').filter(Boolean);
  t.deepEqual(await offered('desc'), ['describe']);
  t.deepEqual(await offered('get', 'deploym'), ['deployments']);
  t.deepEqual(await offered('get', 'deploy', 'comp'), ['completed']);
  t.deepEqual(await offered('rollout', 'status', 'deployment/comp'), ['deployment/completed']);
  t.deepEqual(await offered('get', 'pods', '-n', 'kube-p'), ['kube-public']);
  t.deepEqual(await offered('apply', '--dr'), ['--dry-run']);
  t.deepEqual(await offered('nonsense', ''), []);
  for (const shell of ['bash', 'zsh']) t.regex(succeeded(t, await berth(['completion', shell])), /__complete/);
});

test.serial('version tells both sides, and its own when there is no server', async (t) => {
  const { berth } = t.context;
  t.regex(succeeded(t, await berth(['version'])), /^Client Version: \d+\.\d+\.\d+ .*\nServer Version: v1\.32\.0\+berth\.test\n$/);
  t.like(JSON.parse(succeeded(t, await berth(['version', '--client', '-o', 'json']))), { clientVersion: { node: process.versions.node } });
});

test('a join token is shown once, joins until it is revoked, and expired ones go together', async (t) => {
  const { berth, fixture } = t.context;
  const token = succeeded(t, await berth(['token', 'create', '--ttl', '2h', '--description', 'rack 7'])).trim();
  const [id = '', secret = '', pin] = token.split('.');
  t.is(pin, fingerprint(fixture.authority.certPem));
  const { csrPem } = await createSigningRequest({ commonName: 'x' });
  const join = async (): Promise<number> =>
    (await fixture.request('POST', '/berth/v1/join', { as: null, headers: { authorization: `Bearer ${id}.${secret}` }, body: { nodeName: 'rack-7', csrPem } })).status;
  t.is(await join(), 200);
  const old = succeeded(t, await berth(['token', 'create', '--ttl', '1ms', '--usage', 'server', '--usage', 'agent'])).slice(0, 6);
  const listed = succeeded(t, await berth(['token', 'list']));
  t.regex(listed, new RegExp(`^${id} +(119m|120m|2h) +\\S+Z +agent +rack 7$`, 'm'));
  t.regex(listed, new RegExp(`^${old} +<expired> +\\S+Z +agent,server +<none>$`, 'm'));
  t.false(listed.includes(secret));
  t.is(succeeded(t, await berth(['token', 'delete', token])), `token ${id} deleted\n`);
  t.is(await join(), 401);
  t.is(succeeded(t, await berth(['token', 'delete', '--expired'])), `token ${old} deleted\n`);
  t.regex((await berth(['token', 'delete', id])).stderr, /there is no token/);
});
