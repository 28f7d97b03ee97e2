/**
 * A rolling update in a small world: pods become available, break and mend at random, ReplicaSets follow their sizes
 * with a delay. Whatever happens, the promises of the margins hold.
 */
import test from 'ava';
import { planDeployment, viewOf } from '../../../../controller/workloads/deployment-plan.ts';
import { margins } from '../../../../controller/workloads/surge.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import type { Deployment, ReplicaSet } from '../../../../proto/resources/kubernetes.ts';

interface Rollout {
  readonly replicas: number;
  readonly maxSurge: number | string;
  readonly maxUnavailable: number | string;
}

const deploymentOf = ({ replicas, maxSurge, maxUnavailable }: Rollout, image: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', uid: 'd' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image }] } },
  },
});

/** A ReplicaSet with pods: `true` is available. */
interface World {
  readonly set: ReplicaSet;
  pods: boolean[];
}

const follow = (world: World): void => {
  const wanted = world.set.spec?.replicas ?? 0;
  // The least useful go first, as in the deletion order.
  world.pods.sort((a, b) => Number(b) - Number(a));
  while (world.pods.length > wanted) world.pods.pop();
  while (world.pods.length < wanted) world.pods.push(false);
};

const report = ({ set, pods }: World): void => {
  set.status = { replicas: pods.length, availableReplicas: pods.filter(Boolean).length };
};

const runRollout = (rollout: Rollout, seed: number, breaks: boolean) => {
  const random = seededRandom(seed);
  const deployment = deploymentOf(rollout, 'app:2');
  const first = planDeployment(viewOf(deploymentOf(rollout, 'app:1'), [], () => []), 0).create;
  if (first === undefined) throw new Error('nothing was created');
  const worlds: World[] = [{ set: { ...first, metadata: { ...first.metadata, creationTimestamp: '2026-01-01T00:00:00Z' } }, pods: [] }];
  for (const world of worlds) {
    follow(world);
    world.pods = world.pods.map(() => true);
    report(world);
  }
  const { surge, unavailable } = margins(deployment);
  let fewest = rollout.replicas;
  let most = rollout.replicas;
  const isDone = (): boolean => {
    const [old, fresh] = worlds;
    return old?.pods.length === 0 && fresh?.pods.length === rollout.replicas && fresh.pods.every(Boolean);
  };
  let steps = 0;
  for (; steps < 2_000 && !isDone(); steps += 1) {
    const dice = random.next();
    if (dice < 0.4) {
      const plan = planDeployment(viewOf(deployment, worlds.map(({ set }) => set), () => []), steps);
      if (plan.create) worlds.push({ set: { ...plan.create, metadata: { ...plan.create.metadata, creationTimestamp: '2026-01-02T00:00:00Z' } }, pods: [] });
      for (const { set, replicas } of plan.scale) if (set.spec) set.spec = { ...set.spec, replicas };
    } else {
      const world = worlds[Math.floor(random.next() * worlds.length)] as World;
      if (dice < 0.6) follow(world);
      else if (dice < 0.75) report(world);
      else {
        const at = Math.floor(random.next() * world.pods.length);
        if (world.pods[at] === false) world.pods[at] = true;
        else if (breaks && steps < 500 && random.next() < 0.2 && world.pods.length > 0) world.pods[at] = false;
      }
    }

    const available = worlds.reduce((sum, { pods }) => sum + pods.filter(Boolean).length, 0);
    fewest = Math.min(fewest, available);
    // Pods on their way out count until they are gone; sizes are what the loop answers for.
    most = Math.max(most, worlds.reduce((sum, { set }) => sum + (set.spec?.replicas ?? 0), 0));
  }
  return { fewest, most, done: isDone(), surge, unavailable, steps };
};

const cases: Rollout[] = [
  { replicas: 1, maxSurge: '25%', maxUnavailable: '25%' },
  { replicas: 4, maxSurge: '25%', maxUnavailable: '25%' },
  { replicas: 10, maxSurge: 3, maxUnavailable: 0 },
  { replicas: 10, maxSurge: 0, maxUnavailable: 3 },
  { replicas: 7, maxSurge: '100%', maxUnavailable: '100%' },
  { replicas: 20, maxSurge: '30%', maxUnavailable: '10%' },
  { replicas: 3, maxSurge: '0%', maxUnavailable: '10%' },
];

for (const rollout of cases) {
  test(`a rollout of ${JSON.stringify(rollout)} keeps its margins and ends`, (t) => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const { fewest, most, done, surge, unavailable } = runRollout(rollout, seed, false);
      t.true(done, `seed ${seed} did not end`);
      t.true(fewest >= rollout.replicas - unavailable, `seed ${seed}: ${fewest} available`);
      t.true(most <= rollout.replicas + surge, `seed ${seed}: ${most} wanted`);
    }
  });
}

test('a rollout whose pods break and mend on the way still ends, and never asks for more than the surge', (t) => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const { most, done, surge } = runRollout({ replicas: 8, maxSurge: 2, maxUnavailable: 1 }, seed, true);
    t.true(done, `seed ${seed} did not end`);
    t.true(most <= 8 + surge, `seed ${seed}: ${most} wanted`);
  }
});

test('percentages of surge round up, those of unavailability down, and both cannot be nothing', (t) => {
  const of = (replicas: number, maxSurge: number | string, maxUnavailable: number | string) =>
    margins(deploymentOf({ replicas, maxSurge, maxUnavailable }, 'app:1'));
  t.deepEqual(of(10, '25%', '25%'), { surge: 3, unavailable: 2 });
  t.deepEqual(of(1, '25%', '25%'), { surge: 1, unavailable: 0 });
  t.deepEqual(of(3, '0%', '10%'), { surge: 0, unavailable: 1 });
  t.deepEqual(of(5, 2, 9), { surge: 2, unavailable: 5 });
});
