/** Translations between etcd's messages and the seam's. */
import type { IKeyValue } from 'etcd3';
import type { KvEntry } from './kv.ts';

/** `offset` is that of the epoch in which etcd said it. */
export const entryOf = (kv: IKeyValue, offset: number): KvEntry => ({
  key: kv.key.toString(),
  value: kv.value,
  createRevision: Number(kv.create_revision) + offset,
  modRevision: Number(kv.mod_revision) + offset,
});

/** A revision as etcd counts it; 0 stays what it is, an absent key. One of an earlier epoch becomes one that no key can have. */
export const etcdRevision = (revision: number, offset: number): number =>
  revision === 0 ? 0 : revision > offset ? revision - offset : -1;

/** The end, exclusive, of the range of keys that start with `prefix` (ASCII, not empty). */
export const prefixEnd = (prefix: string): Buffer => {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end.writeUInt8(end.readUInt8(last) + 1, last);
  return end;
};
