import test from 'ava';
import { deploymentKind, podKind } from '../../../../proto/kinds.ts';
import { isLatest } from '../../../../proto/resources/pod-defaults.ts';
import { create, deployment, type Loose, pod } from './rules.ts';

const probe = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };
const container = { resources: {}, terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' };

test('a bare pod gets every default', (t) => {
  const web: Loose = { ...pod(), spec: { containers: [{ name: 'a', image: 'x' }] } };
  create(podKind, web);
  t.deepEqual(web.spec, {
    containers: [{ name: 'a', image: 'x', imagePullPolicy: 'Always', ...container }],
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    terminationGracePeriodSeconds: 30,
    securityContext: {},
    enableServiceLinks: true,
  });
  t.deepEqual(web.status, { phase: 'Pending', qosClass: 'BestEffort' });
});

test('what is set stays', (t) => {
  const spec = { containers: [{ name: 'a', image: 'x', imagePullPolicy: 'Never' }], terminationGracePeriodSeconds: 0, enableServiceLinks: false, restartPolicy: 'Never' };
  const web: Loose = { ...pod(), spec };
  create(podKind, web);
  t.is(web.spec.terminationGracePeriodSeconds, 0);
  t.false(web.spec.enableServiceLinks);
  t.is(web.spec.restartPolicy, 'Never');
  t.is(web.spec.containers[0].imagePullPolicy, 'Never');
});

test('the pull policy follows from the tag', (t) => {
  for (const image of ['x', 'x:latest', 'host:5000/x', 'host:5000/a/x:latest']) t.true(isLatest(image), image);
  for (const image of ['x:1', 'host:5000/x:1', `x@sha256:${'0'.repeat(64)}`, `x:latest@sha256:${'0'.repeat(64)}`]) t.false(isLatest(image), image);
});

test('probes, hooks, ports, references and volumes get theirs', (t) => {
  const web: Loose = pod();
  Object.assign(web.spec.containers[0], {
    livenessProbe: { httpGet: { port: 80 } },
    readinessProbe: { grpc: { port: 80 }, periodSeconds: 1, timeoutSeconds: 2, successThreshold: 3, failureThreshold: 4 },
    lifecycle: { preStop: { httpGet: { port: 80 } } },
    ports: [{ containerPort: 80 }],
    env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
  });
  web.spec.volumes = [
    { name: 'a' }, { name: 'b', configMap: { name: 'x' } }, { name: 'c', secret: { secretName: 'x', defaultMode: 256 } }, { name: 'd', hostPath: { path: '/a' } },
    { name: 'e', projected: { sources: [{ serviceAccountToken: { path: 't' } }, { downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } }] } },
    { name: 'f', emptyDir: { sizeLimit: '1024Ki' } },
  ];
  create(podKind, web);
  const main = web.spec.containers[0];
  t.deepEqual(main.livenessProbe, { httpGet: { port: 80, path: '/', scheme: 'HTTP' }, ...probe });
  t.deepEqual(main.readinessProbe, { grpc: { port: 80, service: '' }, periodSeconds: 1, timeoutSeconds: 2, successThreshold: 3, failureThreshold: 4 });
  t.deepEqual(main.lifecycle.preStop.httpGet, { port: 80, path: '/', scheme: 'HTTP' });
  t.is(main.ports[0].protocol, 'TCP');
  t.is(main.env[0].valueFrom.fieldRef.apiVersion, 'v1');
  t.deepEqual(web.spec.volumes, [
    { name: 'a', emptyDir: {} }, { name: 'b', configMap: { name: 'x', defaultMode: 420 } }, { name: 'c', secret: { secretName: 'x', defaultMode: 256 } }, { name: 'd', hostPath: { path: '/a', type: '' } },
    { name: 'e', projected: { defaultMode: 420, sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3600 } }, { downwardAPI: { items: [{ path: 'n', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } }] } }] } },
    { name: 'f', emptyDir: { sizeLimit: '1Mi' } },
  ]);
});

test('limits are requested, quantities are stored in one form, host networks open the ports', (t) => {
  const web: Loose = pod();
  web.spec.hostNetwork = true;
  Object.assign(web.spec.containers[0], { ports: [{ containerPort: 80 }], resources: { limits: { cpu: '0.5', memory: '1024Mi' }, requests: { cpu: 0.25 } } });
  create(podKind, web);
  t.deepEqual(web.spec.containers[0].resources, { limits: { cpu: '500m', memory: '1Gi' }, requests: { cpu: '250m', memory: '1Gi' } });
  t.is(web.spec.containers[0].ports[0].hostPort, 80);
  t.is(web.status.qosClass, 'Burstable');
});

test('a template gets what its pods share, not what each pod gets itself', (t) => {
  const web: Loose = deployment();
  web.spec.template.spec.containers[0].resources = { limits: { cpu: '1' } };
  create(deploymentKind, web);
  t.is(web.spec.template.spec.dnsPolicy, 'ClusterFirst');
  t.false('enableServiceLinks' in web.spec.template.spec);
  t.deepEqual(web.spec.template.spec.containers[0].resources, { limits: { cpu: '1' } });
});

test('both names of the service account are kept in step', (t) => {
  const web: Loose = pod();
  web.spec.serviceAccount = 'robot';
  create(podKind, web);
  t.is(web.spec.serviceAccountName, 'robot');
});

test('a gated pod says so from the start', (t) => {
  const web: Loose = pod();
  web.spec.schedulingGates = [{ name: 'quota' }];
  create(podKind, web);
  t.is(web.status.conditions[0].reason, 'SchedulingGated');
});

test('defaults set twice change nothing', (t) => {
  const web: Loose = pod();
  create(podKind, web);
  const once = structuredClone(web);
  create(podKind, web);
  t.deepEqual(web, once);
});
