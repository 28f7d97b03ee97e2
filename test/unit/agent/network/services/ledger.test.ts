import test from 'ava';
import { placeEndpoints } from '../../../../../agent/network/services/elements.ts';
import { type Endpoint, type Frontend, frontendsOf } from '../../../../../agent/network/services/frontends.ts';
import { Ledger } from '../../../../../agent/network/services/ledger.ts';
import { seededRandom } from '../../../../../proto/process/random.ts';
import { serviceOf, sliceOf } from '../../../../fixtures/service-objects.ts';

/** A kernel's table: takes commands as nft does, and refuses what nft would. */
class Kernel {
  readonly sets = new Map<string, Map<string, string>>();
  readonly chains = new Set<string>();

  apply(commands: string): void {
    for (const line of commands.split('\n').filter((text) => text !== '')) {
      const [verb, what, , , name = '', ...rest] = line.split(' ');
      if (what === 'chain' && verb === 'add') this.chains.add(name);
      if (what === 'chain' && verb === 'delete' && [...(this.sets.get('services')?.values() ?? []), ...(this.sets.get('node_ports')?.values() ?? [])].includes(`goto ${name}`)) throw new Error(`led to: ${line}`);
      if (what === 'chain' && verb === 'delete' && !this.chains.delete(name)) throw new Error(`no such chain: ${line}`);
      if (what !== 'element') continue;
      const set = this.sets.get(name) ?? new Map<string, string>();
      this.sets.set(name, set);
      for (const element of rest.slice(1, -1).join(' ').split(', ')) {
        const [key = '', data = ''] = element.split(' : ');
        if (verb === 'delete' && !set.delete(key)) throw new Error(`nothing to delete: ${line}`);
        if (verb === 'add' && set.has(key)) throw new Error(`there already: ${line}`);
        if (verb === 'add') set.set(key, data);
        if (data.startsWith('goto ') && !this.chains.has(data.slice(5))) throw new Error(`no such chain: ${line}`);
      }
    }
  }

  /** Where a new connection to the address could go. */
  targets(key: string, idSet = false): string[] {
    const chain = this.sets.get('services')?.get(key);
    const count = Number(chain?.split('_').at(-1) ?? 0);
    return Array.from({ length: count }, (_, index) => {
      const found = this.sets.get(idSet ? 'ids' : 'endpoints')?.get(`${key} . ${index}`);
      return (idSet ? this.sets.get('by_id')?.get(found ?? '') : found) ?? 'nowhere';
    }).toSorted();
  }

  get size(): number {
    return [...this.sets.values()].reduce((sum, set) => sum + set.size, this.chains.size);
  }
}

const endpoint = (address: string): Endpoint => ({ address, port: 1, isLocal: false });

test('who stays keeps the place, and there are no gaps', (t) => {
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map(endpoint) as [Endpoint, Endpoint, Endpoint, Endpoint, Endpoint];
  t.deepEqual(placeEndpoints([a, b, c], [c, b, a]), [a, b, c]);
  t.deepEqual(placeEndpoints([a, b, c], [d, c, a]), [a, d, c]);
  t.deepEqual(placeEndpoints([a, b, c, d], [d, c]), [d, c].toReversed().toSorted((left) => (left === d ? -1 : 1)));
  t.deepEqual(placeEndpoints([], [e]), [e]);
  t.deepEqual(placeEndpoints([a], []), []);
});

test('after any changes the table is that of the present services, and empty when they are gone', (t) => {
  const random = seededRandom(11);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T;
  for (let round = 0; round < 20; round += 1) {
    const ledger = new Ledger('10.244.0.0/16');
    const kernel = new Kernel();
    const wanted = new Map<string, readonly Frontend[]>();
    for (let step = 0; step < 60; step += 1) {
      const changes = Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => Math.floor(random.next() * 6));
      for (const index of new Set(changes)) {
        const name = `s${index}`;
        const gone = random.next() < 0.15;
        const ends = ['1', '2', '3', '4', '5', '6'].filter(() => random.next() < 0.5).map((last) => ({
          address: `10.244.0.${last}`, nodeName: pick(['me', 'other']), ready: random.next() < 0.8,
        }));
        const service = serviceOf(name, {
          clusterIP: `10.96.0.${index}`, type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', nodePort: 30_000 + index }],
          sessionAffinity: pick(['None', 'ClientIP']), externalTrafficPolicy: pick(['Cluster', 'Local']),
          // Two services may name the same.
          externalIPs: random.next() < 0.3 ? ['192.0.2.1'] : [],
        });
        wanted.set(name, gone ? [] : frontendsOf(service, [sliceOf(name, 8080, ends)], 'me'));
      }
      kernel.apply(ledger.change([...new Set(changes)].map((index) => [`s${index}`, wanted.get(`s${index}`) ?? []])));
      for (const frontends of wanted.values()) {
        const inside = frontends.find(({ reach }) => reach === 'internal');
        if (inside === undefined) continue;
        const expected = inside.endpoints.map(({ address, port }) => `${address} . ${port}`).toSorted();
        t.deepEqual(kernel.targets(`${inside.address} . tcp . 80`, inside.affinitySeconds !== undefined), expected);
      }
    }
    kernel.apply(ledger.change([...wanted.keys()].map((name) => [name, []])));
    t.is(kernel.size, 0);
  }
});

test('a pod that becomes ready in a service of many is a change of a few elements', (t) => {
  const ledger = new Ledger('10.244.0.0/16');
  const service = serviceOf('a', { clusterIP: '10.96.0.1', ports: [{ port: 80, protocol: 'TCP' }] });
  const ends = Array.from({ length: 50 }, (_, index) => ({ address: `10.244.1.${index}` }));
  ledger.change([['a', frontendsOf(service, [sliceOf('a', 8080, ends.slice(1))], 'me')]]);
  const commands = ledger.change([['a', frontendsOf(service, [sliceOf('a', 8080, ends)], 'me')]]);
  t.is(commands.match(/10\.96\.0\.1/g)?.length, 3);
  t.is(ledger.change([['a', frontendsOf(service, [sliceOf('a', 8080, ends.toReversed())], 'me')]]), '');
});

test('of two services with one external address the first is served, and the second once the first is gone', (t) => {
  const ledger = new Ledger('10.244.0.0/16');
  const kernel = new Kernel();
  const of = (name: string, clusterIP: string, address: string): readonly [string, readonly Frontend[]] => [
    name, frontendsOf(serviceOf(name, { clusterIP, externalIPs: ['192.0.2.1'], ports: [{ port: 80, protocol: 'TCP' }] }), [sliceOf(name, 8080, [{ address }])], 'me'),
  ];
  kernel.apply(ledger.change([of('a', '10.96.0.1', '10.244.0.1')]));
  kernel.apply(ledger.change([of('b', '10.96.0.2', '10.244.0.2')]));
  t.deepEqual(kernel.targets('192.0.2.1 . tcp . 80'), ['10.244.0.1 . 8080']);
  kernel.apply(ledger.change([['a', []]]));
  t.deepEqual(kernel.targets('192.0.2.1 . tcp . 80'), ['10.244.0.2 . 8080']);
});

test('where the numbers for affinity are used up, services go on without it', (t) => {
  const ledger = new Ledger('10.244.0.0/16');
  const kernel = new Kernel();
  const spec = { ports: [{ port: 80, protocol: 'TCP' }], sessionAffinity: 'ClientIP' };
  const of = (octet: number): readonly [string, readonly Frontend[]] => {
    const ends = Array.from({ length: 1_000 }, (_, index) => ({ address: `10.${octet}.${Math.floor(index / 256)}.${index % 256}` }));
    return [`s${octet}`, frontendsOf(serviceOf(`s${octet}`, { clusterIP: `10.96.0.${octet}`, ...spec }), [sliceOf(`s${octet}`, 8080, ends)], 'me')];
  };
  kernel.apply(ledger.change(Array.from({ length: 66 }, (_, index) => of(index))));
  t.is(kernel.sets.get('by_id')?.size, 65_000);
  t.is(kernel.targets('10.96.0.64 . tcp . 80', true).filter((one) => one === 'nowhere').length, 0);
  t.is(new Set(kernel.targets('10.96.0.65 . tcp . 80')).size, 1_000);
  kernel.apply(ledger.change([['s0', []]]));
  kernel.apply(ledger.change([of(65)]));
  t.is(kernel.targets('10.96.0.65 . tcp . 80', true).filter((one) => one === 'nowhere').length, 0);
});
