/**
 * The agent is killed before or after any operation, containerd refuses some, processes exit, sandboxes get lost.
 * When that is over, every pod is what it should be, and on the way nothing happened that must not.
 */
import test from 'ava';
import { seededRandom } from '../../../../proto/process/random.ts';
import type { Random } from '../../../../proto/process/random.ts';
import type { Pod } from '../../../../proto/resources/kubernetes.ts';
import { deleted, makeContainer, makePod, PodLab } from '../../../fixtures/pod-lab.ts';

const seedsMax = 150;
const faultRounds = 40;

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T;

const randomPod = (random: Random): Pod =>
  makePod({
    restartPolicy: pick(random, ['Always', 'OnFailure', 'Never']),
    initContainers: [makeContainer('one'), makeContainer('proxy', { restartPolicy: 'Always' }), makeContainer('two')].filter(() => random.next() < 0.6),
    containers: [makeContainer('app'), makeContainer('aid')].slice(0, 1 + Math.floor(random.next() * 2)),
  });

const specOf = (pod: Pod) => pod.spec ?? { containers: [] };

/** What must hold whenever a process starts. */
const watchStarts = (lab: PodLab, pod: Pod, problems: string[]): void => {
  const inits = (specOf(pod).initContainers ?? []).filter((init) => init.restartPolicy === undefined).map((init) => init.name);
  const mains = specOf(pod).containers.map((main) => main.name);
  lab.runtime.onStart = ({ name, sandboxId, attempt }) => {
    const done = (init: string) => [...lab.runtime.containers.values()].some((run) => run.name === init && run.sandboxId === sandboxId && run.state === 'exited' && run.exitCode === 0);
    const before = mains.includes(name) ? inits : inits.slice(0, Math.max(inits.indexOf(name), 0));
    for (const init of before) if (!done(init)) problems.push(`${name}#${attempt} started before ${init} was done`);
    if (mains.includes(name) && specOf(pod).restartPolicy === 'Never' && attempt > 0) problems.push(`${name}#${attempt} of a pod that never restarts`);
  };
};

/** Processes of init containers end well by and by; others when the test says so. */
const finishInits = (lab: PodLab): void => {
  for (const name of ['one', 'two']) {
    const run = lab.runtime.running(name);
    if (run) lab.runtime.exit(run.id, 0);
  }
};

const troubleOnce = async (lab: PodLab, pod: Pod, random: Random): Promise<void> => {
  const dice = random.next();
  const running = [...lab.runtime.containers.values()].filter((run) => run.state === 'running');
  if (dice < 0.25 && running.length > 0) lab.runtime.exit(pick(random, running).id, random.next() < 0.5 ? 0 : 1);
  else if (dice < 0.3) lab.runtime.loseSandbox([...lab.runtime.sandboxes.keys()].at(-1) ?? '');
  else if (dice < 0.4) await lab.restart([pod]);
  else if (dice < 0.6) finishInits(lab);
  await lab.clock.advance(random.next() * 8_000);
};

const runSeed = async (seed: number): Promise<readonly string[]> => {
  const random = seededRandom(seed);
  const problems: string[] = [];
  const lab = new PodLab();
  let pod = randomPod(random);
  watchStarts(lab, pod, problems);
  let faults = true;
  let restarting = false;
  lab.runtime.hook = (operation) => {
    if (!faults || restarting) return;
    const dice = random.next();
    if (dice < 0.04) {
      restarting = true;
      lab.kill();
      lab.clock.after(random.next() * 1_000, () => {
        restarting = false;
        void lab.restart([pod]);
      });
    } else if (dice < 0.08 && !operation.startsWith('after')) throw new Error('containerd is away');
  };
  await lab.start(pod);
  const deleteAt = random.next() < 0.4 ? Math.floor(random.next() * faultRounds) : -1;
  for (let round = 0; round < faultRounds; round += 1) {
    if (round === deleteAt) {
      pod = deleted(pod, 30);
      lab.pods.upsert(pod);
    }
    await troubleOnce(lab, pod, random);
  }
  faults = false;
  for (let round = 0; round < 20; round += 1) {
    finishInits(lab);
    await lab.clock.advance(60_000);
  }
  const left = lab.runtime.containers.size + lab.runtime.sandboxes.size + lab.runtime.disk.size;
  const over = lab.status()?.phase === 'Succeeded' || lab.status()?.phase === 'Failed';
  const settled = specOf(pod).containers.every(({ name }) => {
    const exitCode = lab.status()?.containerStatuses?.find((item) => item.name === name)?.state?.terminated?.exitCode;
    return lab.runtime.running(name) !== undefined || exitCode === 0 || (exitCode !== undefined && specOf(pod).restartPolicy === 'Never');
  });
  if (deleteAt >= 0 ? !lab.isGone || left > 0 : !(lab.status()?.phase === 'Running' && settled) && !over) problems.push(`did not converge: ${JSON.stringify(lab.status())}`);
  if (over && [...lab.runtime.containers.values()].some((run) => run.state === 'running')) problems.push('something of a finished pod runs');
  return [...problems, ...lab.runtime.violations].map((problem) => `seed ${seed}: ${problem}`);
};

test('whatever fails on the way, a pod becomes what it should be and nothing runs twice', async (t) => {
  const problems: string[] = [];
  for (let seed = 1; seed <= seedsMax; seed += 1) problems.push(...(await runSeed(seed)));
  t.deepEqual(problems, []);
});
