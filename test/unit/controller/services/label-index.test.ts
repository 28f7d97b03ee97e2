import test from 'ava';
import { LabelIndex, type Labels, SelectorIndex, selects } from '../../../../controller/services/label-index.ts';
import { seededRandom } from '../../../../proto/process/random.ts';

test('both indexes find what a look at everything finds, whatever comes and goes', (t) => {
  const random = seededRandom(11);
  const draw = (below: number): number => Math.floor(random.next() * below);
  const drawLabels = (): Labels => Object.fromEntries(Array.from({ length: draw(4) }, () => [`l${draw(3)}`, `v${draw(2)}`]));
  const pods = new Map<string, Labels>();
  const selectors = new Map<string, Labels>();
  const byLabel = new LabelIndex();
  const bySelector = new SelectorIndex();
  for (let step = 0; step < 600; step += 1) {
    const [pod, service] = [`p${draw(12)}`, `s${draw(12)}`];
    const [labels, selector] = [drawLabels(), drawLabels()];
    if (draw(3) === 0) {
      byLabel.delete('a', pod, pods.get(pod) ?? {});
      pods.delete(pod);
      bySelector.delete(service);
      selectors.delete(service);
    } else {
      byLabel.set('a', pod, labels, pods.get(pod));
      pods.set(pod, labels);
      bySelector.set('a', service, selector);
      selectors.set(service, selector);
    }
    const asked = drawLabels();
    const selecting = [...selectors].filter(([, each]) => Object.keys(each).length > 0 && selects(each, asked)).map(([key]) => key);
    t.deepEqual([...bySelector.selecting('a', asked)].toSorted(), selecting.toSorted());
    const found = byLabel.candidates('a', asked).filter((key) => selects(asked, pods.get(key) ?? {}));
    const all = Object.keys(asked).length === 0 ? [] : [...pods].filter(([, each]) => selects(asked, each)).map(([key]) => key);
    t.deepEqual(found, all.toSorted());
    t.deepEqual([...bySelector.selecting('b', asked)], []);
  }
});

test('a label that all selectors share brings none up that do not match', (t) => {
  const index = new SelectorIndex();
  let looked = 0;
  for (let at = 0; at < 1_000; at += 1) {
    const selector: Labels = { tier: 'web', app: `app-${at}` };
    index.set('a', `s${at}`, new Proxy(selector, { ownKeys: (target) => (looked += 1, Reflect.ownKeys(target)) }));
  }
  looked = 0;
  t.deepEqual([...index.selecting('a', { tier: 'web', app: 'app-7' })], ['s7']);
  t.true(looked < 5);
});
