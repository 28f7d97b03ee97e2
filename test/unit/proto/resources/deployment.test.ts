import test from 'ava';
import { deploymentKind, replicaSetKind } from '../../../../proto/kinds.ts';
import type { ReplicaSet } from '../../../../proto/resources/kubernetes.ts';
import { brief, checkCreation, checkUpdate, create, deployment, type Loose, type Row, update } from './rules.ts';

const rolling = (rollingUpdate: object) => (d: Loose): void => void (d.spec.strategy = { rollingUpdate });
const r = 'spec.strategy.rollingUpdate';

const shared: Row[] = [
  ['no replicas at all', (d) => void (d.spec.replicas = 0)],
  ['negative replicas', (d) => void (d.spec.replicas = -1), 'spec.replicas Invalid'],
  ['no selector', (d) => void delete d.spec.selector, 'spec.selector Required'],
  ['an empty selector', (d) => void (d.spec.selector = {}), 'spec.selector Invalid'],
  ['a bad selector', (d) => void (d.spec.selector.matchExpressions = [{ key: 'app', operator: 'Like' }]), 'spec.selector.matchExpressions[0].operator Invalid'],
  ['a selector that does not match', (d) => void (d.spec.template.metadata.labels.app = 'db'), 'spec.template.metadata.labels Invalid'],
  ['no template', (d) => void delete d.spec.template, 'spec.template Required'],
  ['a bad label', (d) => void (d.spec.template.metadata.labels['a b'] = ''), 'spec.template.metadata.labels Invalid'],
  ['pods that end', (d) => void (d.spec.template.spec.restartPolicy = 'Never'), 'spec.template.spec.restartPolicy NotSupported'],
  ['pods with a deadline', (d) => void (d.spec.template.spec.activeDeadlineSeconds = 5), 'spec.template.spec.activeDeadlineSeconds Forbidden'],
  ['a broken pod', (d) => void (d.spec.template.spec.containers[0].image = ''), 'spec.template.spec.containers[0].image Required'],
  ['a negative readiness time', (d) => void (d.spec.minReadySeconds = -1), 'spec.minReadySeconds Invalid'],
];

const own: Row[] = [
  ['numbers and percentages', rolling({ maxSurge: 1, maxUnavailable: '0%' })],
  ['neither surge nor absence', rolling({ maxSurge: 0, maxUnavailable: '0%' }), `${r}.maxUnavailable Invalid`],
  ['more than all unavailable', rolling({ maxUnavailable: '101%' }), `${r}.maxUnavailable Invalid`],
  ['no percentage', rolling({ maxSurge: '5', maxUnavailable: 'x%' }), `${r}.maxSurge Invalid`, `${r}.maxUnavailable Invalid`],
  ['a negative surge', rolling({ maxSurge: -1 }), `${r}.maxSurge Invalid`],
  ['an unknown strategy', (d) => void (d.spec.strategy = { type: 'BlueGreen' }), 'spec.strategy.type NotSupported'],
  ['recreation', (d) => void (d.spec.strategy = { type: 'Recreate' })],
  ['recreation by rolling', (d) => void (d.spec.strategy = { type: 'Recreate', rollingUpdate: { maxSurge: 1 } }), `${r} Forbidden`],
  ['a negative history', (d) => void (d.spec.revisionHistoryLimit = -1), 'spec.revisionHistoryLimit Invalid'],
  ['a deadline before readiness', (d) => void Object.assign(d.spec, { minReadySeconds: 10, progressDeadlineSeconds: 10 }), 'spec.progressDeadlineSeconds Invalid'],
];

const replicaSet = (): ReplicaSet => {
  const { spec, metadata } = deployment();
  return { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata, spec: { selector: spec?.selector ?? {}, ...(spec ? { template: spec.template } : {}) } };
};

test('deployments are checked', (t) => checkCreation(t, deploymentKind, deployment(), [...shared, ...own]));
test('replica sets are checked', (t) => checkCreation(t, replicaSetKind, replicaSet(), shared));

test('deployments get their defaults', (t) => {
  const web: Loose = deployment();
  web.status = { replicas: 7 };
  create(deploymentKind, web);
  const { template, selector, ...rest } = web.spec;
  t.truthy(template && selector);
  t.deepEqual(rest, {
    replicas: 1,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  });
  t.deepEqual(web.status, {});
});

test('replica sets get theirs', (t) => {
  const set = replicaSet();
  create(replicaSetKind, set);
  t.is(set.spec?.replicas, 1);
  t.deepEqual(set.status, { replicas: 0 });
});

test('the selector is fixed, the rest may change', (t) => {
  const rows: Row[] = [
    ['replicas and image', (d) => void ((d.spec.replicas = 3), (d.spec.template.spec.containers[0].image = 'y'))],
    ['the selector', (d) => void ((d.spec.selector.matchLabels.tier = 'x'), (d.spec.template.metadata.labels.tier = 'x')), 'spec.selector Invalid'],
  ];
  checkUpdate(t, deploymentKind, deployment(), rows);
  checkUpdate(t, replicaSetKind, replicaSet(), rows);
});

test('counts in a status cannot contradict each other', (t) => {
  const old: Loose = deployment();
  create(deploymentKind, old);
  const status = (value: object): string[] => brief(update(deploymentKind, { ...structuredClone(old), status: value }, old, 'status'));
  t.deepEqual(status({ replicas: 2, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 1, observedGeneration: 1 }), []);
  t.deepEqual(status({ replicas: 1, readyReplicas: 2 }), ['status.readyReplicas Invalid']);
  t.deepEqual(status({ replicas: 2, readyReplicas: 1, availableReplicas: 2 }), ['status.availableReplicas Invalid']);
  t.deepEqual(status({ replicas: -1 }).includes('status.replicas Invalid'), true);
});
