/** Translations between etcd's messages and the seam's. */
import type { IKeyValue } from 'etcd3';
import type { KvEntry } from './kv.ts';

export const entryOf = (kv: IKeyValue): KvEntry => ({
  key: kv.key.toString(),
  value: kv.value,
  createRevision: Number(kv.create_revision),
  modRevision: Number(kv.mod_revision),
});

/** The end, exclusive, of the range of keys that start with `prefix` (ASCII, not empty). */
export const prefixEnd = (prefix: string): Buffer => {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end.writeUInt8(end.readUInt8(last) + 1, last);
  return end;
};
