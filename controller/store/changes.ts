/** What etcd said, as changes of objects: from the events of a watch, or from a range read anew. Pure. */
import type { KvEntry, KvEvent } from './kv.ts';
import type { KeyParser } from './keys.ts';
import { storedAt, storedFrom } from './codec.ts';
import { revisionAt, revisionEnd } from './revisions.ts';
import type { Change, Stored } from './stored.ts';

/** The object that the cache holds at a storage key. */
export type Present = (stored: Pick<Stored, 'kind' | 'key'>) => Stored | undefined;

export interface DecodedChanges {
  /** In revision order. */
  readonly changes: readonly Change[];
  /** Keys whose values are not objects; somebody else wrote them. */
  readonly unreadable: readonly string[];
}

const readEntry = (parse: KeyParser, entry: KvEntry): Stored | 'foreign' | 'unreadable' => {
  const place = parse(entry.key);
  if (!place) return 'foreign';
  try {
    return storedFrom(place.kind, place.key, entry.value, entry.modRevision);
  } catch (error) {
    if (error instanceof SyntaxError) return 'unreadable';
    throw error;
  }
};

const identity = ({ kind, key }: Pick<Stored, 'kind' | 'key'>): string => `${kind.group}/${kind.plural}/${key}`;

const revisionOf = (event: KvEvent): number => (event.type === 'put' ? event.entry.modRevision : event.revision);

/**
 * Changes that `events` (whole revisions, in order) make to what is present. Deletions get their place from their
 * position among the events of their revision, which is the order of operations in the transaction.
 */
export const changesOfEvents = (events: readonly KvEvent[], parse: KeyParser, present: Present): DecodedChanges => {
  const changes: Change[] = [];
  const unreadable: string[] = [];
  // One batch can change an object several times.
  const latest = new Map<string, Stored | undefined>();
  let revision = 0;
  let place = 0;
  for (const event of events) {
    place = revisionOf(event) === revision ? place + 1 : 0;
    revision = revisionOf(event);
    const at = parse(event.type === 'put' ? event.entry.key : event.key);
    if (!at) continue;
    const id = identity(at);
    const previous = latest.has(id) ? latest.get(id) : present(at);
    if (event.type === 'delete') {
      latest.set(id, undefined);
      if (previous) changes.push({ type: 'DELETED', stored: storedAt(at.kind, at.key, previous.object, revisionAt(revision, place)), previous });
      continue;
    }
    const stored = readEntry(parse, event.entry);
    if (stored === 'unreadable') unreadable.push(event.entry.key);
    if (typeof stored === 'string') continue;
    latest.set(id, stored);
    changes.push({ type: previous ? 'MODIFIED' : 'ADDED', stored, previous });
  }
  return { changes, unreadable };
};

/** The difference between what is `held` and what a range at `modRevision` read. */
export const changesOfRange = (
  entries: readonly KvEntry[],
  modRevision: number,
  parse: KeyParser,
  present: Present,
  held: Iterable<Stored>,
): DecodedChanges => {
  const changes: Change[] = [];
  const unreadable: string[] = [];
  const found = new Set<string>();
  for (const entry of entries) {
    const stored = readEntry(parse, entry);
    if (stored === 'unreadable') unreadable.push(entry.key);
    if (typeof stored === 'string') continue;
    found.add(identity(stored));
    const previous = present(stored);
    if (previous?.revision === stored.revision) continue;
    const replaced = previous && previous.object.metadata.uid !== stored.object.metadata.uid;
    // Deleted and created again in between: those who follow objects by their uid must see both.
    if (replaced) changes.push({ type: 'DELETED', stored: storedAt(stored.kind, stored.key, previous.object, stored.revision - 1), previous });
    changes.push({ type: previous && !replaced ? 'MODIFIED' : 'ADDED', stored, previous: replaced ? undefined : previous });
  }
  for (const previous of held) {
    if (found.has(identity(previous))) continue;
    const stored = storedAt(previous.kind, previous.key, previous.object, revisionEnd(modRevision));
    changes.push({ type: 'DELETED', stored, previous });
  }
  changes.sort((a, b) => a.stored.revision - b.stored.revision);
  return { changes, unreadable };
};
