import test from 'ava';
import type { EndpointGroup } from '../../../../controller/services/pod-endpoints.ts';
import { planSlices, type SliceMeta, type SlicePlan } from '../../../../controller/services/slice-plan.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import type { Endpoint, EndpointSlice } from '../../../../proto/resources/kubernetes.ts';

const meta: SliceMeta = { namespace: 'default', generateName: 'web-', labels: { a: 'b' } };
const how = { keepsEmpty: true, sliceMax: 4 };
const endpoint = (id: number, ready = true): Endpoint => ({ addresses: [`10.0.0.${id}`], conditions: { ready }, targetRef: { uid: `u${id}` } });
const group = (port: number, endpoints: Endpoint[]): EndpointGroup => ({ ports: [{ name: '', port, protocol: 'TCP' }], endpoints });

/** What the API makes of a plan. */
class World {
  slices: EndpointSlice[] = [];
  #names = 0;

  apply({ create, update, remove }: SlicePlan): void {
    const gone = new Set(remove.map(({ metadata }) => metadata.name));
    const changed = new Map(update.map((slice) => [slice.metadata.name, slice]));
    this.slices = this.slices.filter(({ metadata }) => !gone.has(metadata.name)).map((slice) => changed.get(slice.metadata.name) ?? slice);
    for (const slice of create) this.slices.push({ ...slice, metadata: { ...slice.metadata, name: `web-${(this.#names += 1)}` } });
  }

  /** Plans, applies, and returns how many writes that took. */
  to(groups: readonly EndpointGroup[]): number {
    const plan = planSlices(meta, groups, this.slices, how);
    this.apply(plan);
    return plan.create.length + plan.update.length + plan.remove.length;
  }
}

const sorted = (endpoints: readonly Endpoint[]): string[] => endpoints.map((each) => JSON.stringify(each)).toSorted();

test('whatever was there, the slices hold what is wanted, and nothing is left to do', (t) => {
  const random = seededRandom(3);
  const draw = (below: number): number => Math.floor(random.next() * below);
  const world = new World();
  for (let step = 0; step < 500; step += 1) {
    const split = draw(2) === 0 ? [80] : [80, 81];
    const groups = split.map((port, at) => group(port, Array.from({ length: 20 }, (_, id) => id).filter((id) => id % split.length === at && draw(3) > 0).map((id) => endpoint(id, draw(4) > 0))));
    world.to(draw(20) === 0 ? [] : groups);
    const wanted = draw(20) === 0 ? [] : groups;
    world.to(wanted);
    for (const { ports, endpoints } of wanted) {
      const held = world.slices.filter((slice) => slice.ports?.[0]?.port === ports[0]?.port).flatMap((slice) => slice.endpoints);
      t.deepEqual(sorted(held), sorted(endpoints));
    }
    t.true(world.slices.length > 0 && world.slices.every((slice) => slice.endpoints.length <= how.sliceMax));
    t.is(world.to(wanted), 0);
  }
});

test('one endpoint that changes, comes or goes is one write', (t) => {
  const world = new World();
  const all = Array.from({ length: 9 }, (_, id) => endpoint(id));
  t.is(world.to([group(80, all)]), 3);
  all[5] = endpoint(5, false);
  t.is(world.to([group(80, all)]), 1);
  t.is(world.to([group(80, [...all, endpoint(9)])]), 1);
  t.is(world.to([group(80, [...all.slice(1), endpoint(9)])]), 1);
  t.is(world.to([group(80, [...all.slice(1), endpoint(9)])]), 0);
});

test('a new port is an update of the same slice, and the last endpoint leaves an empty one', (t) => {
  const world = new World();
  t.is(world.to([]), 1);
  t.is(world.to([group(80, [endpoint(1)])]), 1);
  t.is(world.to([group(81, [endpoint(1)])]), 1);
  t.is(world.to([group(81, [endpoint(2)])]), 1);
  t.is(world.to([]), 1);
  t.deepEqual(world.slices.map(({ endpoints, ports }) => [endpoints, ports]), [[[], []]]);
  t.deepEqual(planSlices(meta, [], world.slices, { ...how, keepsEmpty: false }).remove, world.slices);
});

test('labels of the service reach its slices', (t) => {
  const world = new World();
  world.to([group(80, [endpoint(1)])]);
  const plan = planSlices({ ...meta, labels: { a: 'c' } }, [group(80, [endpoint(1)])], world.slices, how);
  t.deepEqual(plan.update.map(({ metadata }) => metadata.labels), [{ a: 'c' }]);
});
