/**
 * Revisions as clients see them. Writes that share a transaction share etcd's mod revision; a watcher that is cut
 * between two of them could not say where it stopped. So a revision is etcd's, times `placesPerRevision`, plus the
 * change's place in its transaction: unique, ordered, and still one number.
 */

/** More than any transaction has changes; 2^53 leaves room for 2 * 10^12 transactions. */
export const placesPerRevision = 4_096;

export const revisionAt = (modRevision: number, place: number): number =>
  modRevision * placesPerRevision + Math.min(place, placesPerRevision - 1);

/** The revision after the last change of a transaction. */
export const revisionEnd = (modRevision: number): number => revisionAt(modRevision, placesPerRevision - 1);

/** etcd's mod revision, for guards. */
export const modRevisionOf = (revision: number): number => Math.floor(revision / placesPerRevision);
