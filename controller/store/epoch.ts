/**
 * Epochs: the histories of etcd that follow each other. An etcd that was restored from a snapshot counts on from there, so its
 * revisions come a second time, for other changes. To each history belongs an offset that is added to etcd's revisions, so that
 * none is ever seen twice; it is kept in etcd, in a record beside the objects. Pure.
 *
 * How a history is told from the one that its record was made in:
 * - etcd's cluster id is another one, which a restore with the same flags as before does not bring about;
 * - the raft log leads the revision by less. Within a history the lead never shrinks: every transaction has an entry of the log and
 *   makes one revision at most. A restore keeps the revision and begins a new log;
 * - a controller that was there has seen more: a later record, a larger revision, a larger lead.
 */
import { epochMarginRevisions } from '../limits.ts';

export interface Epoch {
  /** What is added to etcd's revisions; no earlier epoch had a revision above it. */
  readonly offset: number;
  readonly clusterId: string;
  /** At most the lead of the log over the revision when the epoch began. */
  readonly lead: number;
}

/** What etcd shows of itself. */
export interface Sighting {
  readonly clusterId: string;
  /** etcd's own, without an offset. */
  readonly revision: number;
  /** The lead at that revision lies between these. */
  readonly leadMin: number;
  readonly leadMax: number;
  readonly recorded: Epoch | undefined;
}

/** What a controller knows from before the sighting. */
export interface KnownEpoch {
  readonly epoch: Epoch;
  /** The largest lower bound that was seen of the lead. */
  readonly lead: number;
  /** The largest revision that was seen, with its offset. */
  readonly seen: number;
}

/** Offsets grow by the millisecond from here: a clock that only goes on gives a larger one than all before, whatever the snapshot knows. */
const firstMs = Date.UTC(2025, 0, 1);

const isOf = ({ clusterId, leadMax }: Sighting, epoch: Epoch): boolean => clusterId === epoch.clusterId && leadMax >= epoch.lead;

const goesOn = ({ leadMax, revision }: Sighting, recorded: Epoch, known: KnownEpoch | undefined): boolean => {
  if (!known || recorded.offset < known.epoch.offset) return !known;
  if (recorded.offset > known.epoch.offset) return recorded.offset >= known.seen;
  return leadMax >= known.lead && recorded.offset + revision >= known.seen;
};

/** The epoch that etcd is in: the recorded one itself, or one that is to be recorded. */
export const epochOf = (sighting: Sighting, known: KnownEpoch | undefined, nowMs: number): Epoch => {
  const { clusterId, leadMin, recorded, revision } = sighting;
  if (recorded && isOf(sighting, recorded) && goesOn(sighting, recorded, known)) return recorded;
  if (!recorded && !known) return { offset: 0, clusterId, lead: leadMin };
  const past = Math.max((recorded?.offset ?? 0) + revision, known?.seen ?? 0);
  return { offset: Math.max(past + epochMarginRevisions, nowMs - firstMs), clusterId, lead: leadMin };
};
