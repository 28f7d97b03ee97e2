import test from 'ava';
import { deploymentKind, kinds, podKind, serviceKind } from '../../../../proto/kinds.ts';
import type { KubeObject } from '../../../../proto/resources/kubernetes.ts';
import { strategyFor } from '../../../../proto/resources/strategies.ts';
import { create, deployment, type Loose, pod, update } from './rules.ts';

test('every kind has a strategy', (t) => {
  for (const kind of kinds) t.truthy(strategyFor(kind), kind.kind);
});

test('a new object brings no status of its own', (t) => {
  const web: Loose = { ...pod(), status: { phase: 'Running', podIP: '1.2.3.4' } };
  create(podKind, web);
  t.deepEqual(web.status, { phase: 'Pending', qosClass: 'BestEffort' });
});

test('an update of the object leaves status, an update of status leaves the object', (t) => {
  const old: Loose = { ...deployment(), metadata: { ...deployment().metadata, uid: 'u', resourceVersion: '5', labels: { a: 'b' } } };
  create(deploymentKind, old);
  old.status = { replicas: 2 };

  const changed: Loose = structuredClone(old);
  Object.assign(changed, { spec: { ...changed.spec, replicas: 3 }, status: { replicas: 9 } });
  t.deepEqual(update(deploymentKind, changed, old), []);
  t.deepEqual([changed.spec.replicas, changed.status.replicas], [3, 2]);

  const reported: Loose = structuredClone(old);
  Object.assign(reported, { spec: { replicas: 7 }, status: { replicas: 1 } });
  reported.metadata = { name: 'web', namespace: 'default', resourceVersion: '4', labels: { c: 'd' } };
  t.deepEqual(update(deploymentKind, reported, old, 'status'), []);
  t.deepEqual(reported.spec, old.spec);
  t.deepEqual(reported.metadata, { ...old.metadata, resourceVersion: '4' });
  t.deepEqual(reported.status, { replicas: 1 });
});

test('the quality of service outlives status reports that leave it out', (t) => {
  const old: Loose = pod();
  create(podKind, old);
  const reported: Loose = { ...structuredClone(old), status: { phase: 'Running', podIPs: [{ ip: 'x' }] } };
  t.is(update(podKind, reported, old, 'status')[0]?.field, 'status.podIPs[0]');
  t.is(reported.status.qosClass, 'BestEffort');
});

test('what is stored but not acted on is said', (t) => {
  const web: Loose = pod();
  Object.assign(web.spec, {
    priorityClassName: 'high', priority: 5, imagePullSecrets: [{ name: 'a' }, {}], hostUsers: false, topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule' }],
    affinity: { podAntiAffinity: {} }, nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
    volumes: [{ name: 'a', persistentVolumeClaim: { claimName: 'x' } }, { name: 'b', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }],
    securityContext: { seLinuxOptions: { level: 'x' } },
  });
  Object.assign(web.spec.containers[0], { ports: [{ containerPort: 1, protocol: 'SCTP' }, { containerPort: 2 }, { containerPort: 2, protocol: 'TCP' }, { containerPort: 2, protocol: 'UDP' }], env: [{ name: 'A' }, { name: 'A' }] });
  const paths = strategyFor(podKind).warnings(web).map((text) => text.split(': ')[0]);
  t.deepEqual(paths.toSorted(), [
    'spec.affinity.podAntiAffinity', 'spec.containers[0].env[1]', 'spec.containers[0].ports[0].protocol', 'spec.containers[0].ports[2]', 'spec.hostUsers',
    'spec.imagePullSecrets[1].name',
    'spec.nodeSelector[beta.kubernetes.io/os]', 'spec.priority', 'spec.priorityClassName', 'spec.securityContext.seLinuxOptions', 'spec.topologySpreadConstraints',
    'spec.volumes[0].persistentVolumeClaim', 'spec.volumes[1].projected.sources[0].serviceAccountToken',
  ]);
  t.deepEqual(strategyFor(podKind).warnings(pod()), []);
  t.deepEqual(strategyFor(deploymentKind).warnings(deployment()), []);
  t.deepEqual(strategyFor(serviceKind).warnings({ apiVersion: 'v1', kind: 'Service', metadata: {} } satisfies KubeObject), []);
});
