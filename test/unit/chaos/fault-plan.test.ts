import test from 'ava';
import { type Fault, faultKinds, planWindow, windowMs } from '../../chaos/fault-plan.ts';

const size = { nodes: 4, controllers: 3, etcd: 3 };
const windows = Array.from({ length: 500 }, (_, at) => planWindow(at % 7, at, size));
const targets = (faults: readonly Fault[], pattern: RegExp): string[] => [...new Set(faults.map(({ target }) => target).filter((target) => pattern.test(target)))];

test('the plan is a function of the seed and the window', (t) => {
  t.deepEqual(planWindow(42, 3, size), planWindow(42, 3, size));
  t.notDeepEqual(planWindow(42, 3, size), planWindow(43, 3, size));
  t.notDeepEqual(planWindow(42, 3, size), planWindow(42, 4, size));
});

test('a window touches no more than the cluster promises to survive', (t) => {
  for (const faults of windows) {
    t.true(targets(faults, /^etcd-\d$/).length <= 1);
    t.true(targets(faults, /^controller-\d$/).length <= 2);
    const machines = faults.filter(({ kind }) => kind === 'power' || kind === 'cut' || kind === 'slow-link').map(({ target }) => target);
    t.true(new Set(machines).size <= 1);
    t.true(new Set(targets(faults, /^node-/).map((target) => target.split('-')[1])).size <= 2);
  }
});

test('every window has faults of two parts at least, all over at its end, and no two of one part together', (t) => {
  for (const faults of windows) {
    t.true(targets(faults, /./).length >= 2);
    t.true(faults.every(({ atMs, forMs }) => atMs >= 0 && atMs + forMs <= windowMs));
    for (const fault of faults) {
      const others = faults.filter((other) => other !== fault && other.target === fault.target);
      t.true(others.every((other) => other.atMs >= fault.atMs + fault.forMs || fault.atMs >= other.atMs + other.forMs));
    }
  }
});

test('every kind comes, and every part suffers', (t) => {
  const all = windows.flat();
  t.deepEqual(faultKinds.filter((kind) => !all.some((fault) => fault.kind === kind)), []);
  for (const [what, count] of [['etcd', 3], ['controller', 3], ['node', 4]] as const) t.is(targets(all, new RegExp(`^${what}-\\d$`)).length, count);
  t.is(targets(all, /^node-\d-agent$/).length, 4);
  t.is(targets(all, /^node-\d-containerd$/).length, 4);
});
