/**
 * What is in the kernel's table, by service, and the text that takes it from there to what is wanted. Pure but for its memory,
 * which moves on with each transaction; `ledger.clear` when the kernel may be elsewhere.
 *
 * Invariant: an element that several services want (two have the same external address; one pod is behind many services) is in
 * the kernel once. Of data that contradict each other the first holds, until its service gives the element up.
 */
import { type Elements, elementsOf, noPlaces, type Places, type SetName, target } from './elements.ts';
import type { Frontend } from './frontends.ts';
import { type ChainSpec, chainName, chainRules, idMax, idStep, table } from './ruleset.ts';

interface Held {
  readonly elements: Elements;
  readonly places: Places;
  readonly chains: readonly ChainSpec[];
}

/** The service that wants an element; where several do, the one whose data hold first. Nearly always it is one, and there are many elements. */
type Owners = string | readonly string[];

/** Of each set: keys to delete, and elements to add. */
class Difference {
  readonly #deleted = new Map<SetName, Map<string, string>>();
  readonly #added = new Map<SetName, Map<string, string>>();

  delete(set: SetName, key: string): void {
    // What this very transaction was to add is not there to be deleted, unless it replaces something.
    if (this.#added.get(set)?.delete(key) !== true) this.#into(this.#deleted, set, key, key);
  }

  add(set: SetName, key: string, data: string): void {
    this.#into(this.#added, set, key, data === '' ? key : `${key} : ${data}`);
  }

  /** Deletions first: an element whose data change is both. */
  lines(): string[] {
    return [...this.#commands('delete', this.#deleted), ...this.#commands('add', this.#added)];
  }

  #into(sets: Map<SetName, Map<string, string>>, set: SetName, key: string, text: string): void {
    const elements = sets.get(set);
    if (elements) elements.set(key, text);
    else sets.set(set, new Map([[key, text]]));
  }

  #commands(verb: string, sets: ReadonlyMap<SetName, ReadonlyMap<string, string>>): string[] {
    const some = [...sets].filter(([, elements]) => elements.size > 0);
    return some.map(([set, elements]) => `${verb} element ip ${table} ${set} { ${[...elements.values()].join(', ')} }`);
  }
}

const nothing: Held = { elements: new Map(), places: noPlaces, chains: [] };

/** Counts up or down; what is at nothing is forgotten. */
const count = (counts: Map<string, number>, name: string, by: 1 | -1): number => {
  const now = (counts.get(name) ?? 0) + by;
  if (now > 0) counts.set(name, now);
  else counts.delete(name);
  return now;
};

export class Ledger {
  readonly #podNetwork: string;
  readonly #services = new Map<string, Held>();
  /** How many frontends lead to a chain. */
  readonly #frontendsTo = new Map<string, number>();
  /** Of the chains in the kernel: how many of those above need it. */
  readonly #chains = new Map<string, number>();
  readonly #owners = new Map<SetName, Map<string, Owners>>();
  #lastId = 0;
  readonly #idsUsed = new Set<number>();

  constructor(podNetwork: string) {
    this.#podNetwork = podNetwork;
  }

  /** The kernel's table is empty again. Numbers go on, so that none soon means another endpoint. */
  clear(): void {
    this.#services.clear();
    this.#frontendsTo.clear();
    this.#chains.clear();
    this.#owners.clear();
    this.#idsUsed.clear();
  }

  /** @returns the commands that bring the kernel to these frontends of these services; none when all is as it should be. */
  change(services: Iterable<readonly [key: string, frontends: readonly Frontend[]]>): string {
    const difference = new Difference();
    const added: string[] = [];
    const released: ChainSpec[] = [];
    for (const [key, frontends] of services) {
      const before = this.#services.get(key) ?? nothing;
      const { elements, places, chains } = elementsOf(this.#withIds(frontends, before.places), before.places, () => this.#nextId());
      for (const chain of chains) added.push(...this.#useChains(chain));
      released.push(...before.chains);
      this.#compare(key, before.elements, elements, difference);
      for (const id of before.places.ids.values()) this.#idsUsed.delete(id);
      for (const id of places.ids.values()) this.#idsUsed.add(id);
      if (elements.size === 0) this.#services.delete(key);
      else this.#services.set(key, { elements, places, chains });
    }
    const removed = released.flatMap((chain) => this.#releaseChains(chain));
    const lines = [...added, ...difference.lines(), ...removed];
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }

  #compare(service: string, before: Elements, now: Elements, difference: Difference): void {
    for (const [set, elements] of before) {
      const kept = now.get(set);
      for (const key of elements.keys()) if (kept?.has(key) !== true) this.#give(service, set, key, difference);
    }
    for (const [set, elements] of now) {
      const held = before.get(set);
      for (const [key, data] of elements) {
        const last = held?.get(key);
        if (last === undefined) this.#take(service, set, key, data, difference);
        else if (last !== data && this.#holds(service, set, key)) {
          difference.delete(set, key);
          difference.add(set, key, data);
        }
      }
    }
  }

  #holds(service: string, set: SetName, key: string): boolean {
    const owners = this.#owners.get(set)?.get(key);
    return owners === undefined || owners === service || owners[0] === service;
  }

  #take(service: string, set: SetName, key: string, data: string, difference: Difference): void {
    const ofSet = this.#owners.get(set) ?? new Map<string, Owners>();
    const owners = ofSet.get(key);
    ofSet.set(key, owners === undefined ? service : [...(typeof owners === 'string' ? [owners] : owners), service]);
    this.#owners.set(set, ofSet);
    if (owners === undefined) difference.add(set, key, data);
  }

  #give(service: string, set: SetName, key: string, difference: Difference): void {
    const ofSet = this.#owners.get(set);
    const owners = ofSet?.get(key);
    if (owners === undefined || typeof owners === 'string') {
      ofSet?.delete(key);
      difference.delete(set, key);
      return;
    }
    const left = owners.filter((owner) => owner !== service);
    const [next = ''] = left;
    ofSet?.set(key, left.length === 1 ? next : left);
    if (owners[0] !== service) return;
    const data = this.#services.get(next)?.elements.get(set)?.get(key);
    difference.delete(set, key);
    if (data !== undefined) difference.add(set, key, data);
  }

  #useChains(chain: ChainSpec): string[] {
    if (count(this.#frontendsTo, chainName(chain), 1) > 1) return [];
    return chainRules(chain, this.#podNetwork).flatMap(([name, rules]) => {
      if (count(this.#chains, name, 1) > 1) return [];
      return [`add chain ip ${table} ${name}`, ...rules.map((rule) => `add rule ip ${table} ${name} ${rule}`)];
    });
  }

  /** Those that lead to others first. */
  #releaseChains(chain: ChainSpec): string[] {
    if (count(this.#frontendsTo, chainName(chain), -1) > 0) return [];
    const names = chainRules(chain, this.#podNetwork).map(([name]) => name).toReversed();
    return names.flatMap((name) => (count(this.#chains, name, -1) > 0 ? [] : [`delete chain ip ${table} ${name}`]));
  }

  /** Where there are no numbers left for its endpoints a service does without affinity. */
  #withIds(frontends: readonly Frontend[], { ids }: Places): readonly Frontend[] {
    const wanted = new Set<string>();
    for (const { affinitySeconds, endpoints } of frontends) if (affinitySeconds !== undefined) for (const endpoint of endpoints) wanted.add(target(endpoint));
    for (const known of ids.keys()) wanted.delete(known);
    return this.#idsUsed.size + wanted.size <= idMax / idStep ? frontends : frontends.map((frontend) => ({ ...frontend, affinitySeconds: undefined }));
  }

  #nextId(): number {
    do this.#lastId = this.#lastId >= idMax ? idStep : this.#lastId + idStep;
    while (this.#idsUsed.has(this.#lastId));
    return this.#lastId;
  }
}
