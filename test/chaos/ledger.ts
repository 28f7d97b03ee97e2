/**
 * What was acknowledged, and what of it must therefore be there. Each object has one writer, which makes its writes one after the
 * other, each on top of what it read: so the last acknowledged one is known, and only writes without an answer may have come after it.
 */

export interface Attempt {
  readonly serial: number;
  readonly verb: 'create' | 'write' | 'delete';
}

/** What a reader finds under a key. */
export interface Found {
  readonly serial: number;
  readonly revision: number;
}

interface Account {
  /** Without an answer, since the last acknowledged one; creations for ever, as a late one finds its place whenever the object is gone. */
  unknown: Attempt[];
  acknowledged?: Attempt & { readonly revision: number | undefined };
}

export class Ledger {
  readonly #accounts = new Map<string, Account>();
  readonly #revisions: { readonly key: string; readonly revision: number }[] = [];
  #acknowledged = 0;

  /** Every acknowledged write that left its object at a revision of its own. */
  get revisions(): readonly { readonly key: string; readonly revision: number }[] {
    return this.#revisions;
  }

  /** Of all keys. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  keys(): readonly string[] {
    return [...this.#accounts.keys()];
  }

  /** Before it is sent. */
  attempt(key: string, attempt: Attempt): void {
    const account = this.#accounts.get(key) ?? { unknown: [] };
    account.unknown.push(attempt);
    this.#accounts.set(key, account);
  }

  /** @param revision where nobody else writes the object, so that it must be found with just this one */
  acknowledge(key: string, serial: number, revision?: number): void {
    const account = this.#accounts.get(key);
    const attempt = account?.unknown.find((candidate) => candidate.serial === serial);
    if (!account || !attempt) throw new Error(`${key} ${serial} was never attempted`);
    account.acknowledged = { ...attempt, revision };
    account.unknown = account.unknown.filter((candidate) => candidate.verb === 'create' && candidate.serial !== serial);
    if (revision !== undefined) this.#revisions.push({ key, revision });
    this.#acknowledged += 1;
  }

  /** What is wrong with finding this under the key; undefined when it may be so. */
  complaint(key: string, found: Found | undefined): string | undefined {
    const account = this.#accounts.get(key);
    const { acknowledged, unknown } = account ?? { unknown: [] };
    const later = unknown.filter(({ serial }) => serial > (acknowledged?.serial ?? 0));
    const mayBeGone = acknowledged === undefined || acknowledged.verb === 'delete' || later.some(({ verb }) => verb === 'delete');
    const told = `${key}: the last acknowledged is ${acknowledged ? `${acknowledged.verb} ${acknowledged.serial}` : 'none'}, without an answer are [${later.map(({ verb, serial }) => `${verb} ${serial}`).join(', ')}]`;
    if (!found) return mayBeGone ? undefined : `${told}, and the object is gone`;
    if (acknowledged && acknowledged.verb !== 'delete' && found.serial === acknowledged.serial) {
      const { revision } = acknowledged;
      return revision === undefined || revision === found.revision ? undefined : `${told} at ${revision}, and it is found at ${found.revision}`;
    }
    if (later.some(({ serial, verb }) => serial === found.serial && verb !== 'delete')) return undefined;
    if (mayBeGone && unknown.some(({ serial, verb }) => serial === found.serial && verb === 'create')) return undefined;
    return `${told}, and ${found.serial} is found`;
  }
}
