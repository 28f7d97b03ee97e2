/**
 * The file of a backup. Parts lie one behind the other, as they come; a manifest behind them says where each is and what it must
 * hash to, and the last line, of fixed length, says where the manifest is and what that must hash to. So it is written in one
 * go, and whoever opens it knows that it is whole before anything is done with it.
 *
 *     berth-backup\n  part  part  …  {"version":1,"parts":[…],…}\n  <offset of the manifest>  <its sha256>\n
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const magic = Buffer.from('berth-backup\n');
const formatVersion = 1;
const offsetDigits = 16;
const trailerBytes = offsetDigits + 1 + 64 + 1;
/** A manifest names a few dozen parts. */
const manifestBytesMax = 4 << 20;

export interface Part {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** What the backup is of, for people and for checks. */
export interface About {
  /** RFC 3339. */
  readonly createdAt: string;
  /** Version of the program that wrote it. */
  readonly berth: string;
}

interface Manifest extends About {
  readonly version: number;
  readonly parts: readonly Part[];
}

export interface Archive {
  readonly about: About;
  readonly parts: readonly Part[];
  /** The whole part. Throws ArchiveBroken when there is none of that name. */
  read(name: string): Promise<Buffer>;
  /** Writes the part to a new file, readable by its owner only. Throws ArchiveBroken when there is none of that name. */
  extract(name: string, to: string): Promise<void>;
}

/** The file is no backup, or not a whole one; the message says which. */
export class ArchiveBroken extends Error {
  override readonly name = 'ArchiveBroken';
}

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

const hashed = async (stream: Readable, hash: Hash, take: (chunk: Buffer) => Promise<unknown>): Promise<number> => {
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    await take(chunk);
  }
  return bytes;
};

/** What goes into a part: its bytes, or the file that has them. */
export interface Source {
  readonly name: string;
  readonly from: Buffer | { readonly file: string };
}

const writeParts = async (handle: FileHandle, sources: readonly Source[]): Promise<readonly Part[]> => {
  await handle.appendFile(magic);
  const parts: Part[] = [];
  let offset = magic.length;
  for (const { name, from } of sources) {
    const hash = createHash('sha256');
    const stream = Buffer.isBuffer(from) ? Readable.from([from]) : createReadStream(from.file);
    const bytes = await hashed(stream, hash, (chunk) => handle.appendFile(chunk));
    parts.push({ name, offset, bytes, sha256: hash.digest('hex') });
    offset += bytes;
  }
  return parts;
};

/** Resolves to the file's size once it is on the disk, whole or not at all. Replaces what is there. */
export const writeArchive = async (file: string, about: About, sources: readonly Source[]): Promise<number> => {
  const unfinished = `${file}.new`;
  await rm(unfinished, { force: true });
  const handle = await open(unfinished, 'wx', 0o600);
  try {
    const parts = await writeParts(handle, sources);
    const manifest = Buffer.from(`${JSON.stringify({ version: formatVersion, ...about, parts } satisfies Manifest)}\n`);
    const offset = parts.reduce((sum, { bytes }) => sum + bytes, magic.length);
    await handle.appendFile(manifest);
    await handle.appendFile(`${String(offset).padStart(offsetDigits, '0')} ${sha256(manifest)}\n`);
    await handle.sync();
    const { size } = await handle.stat();
    await handle.close();
    await rename(unfinished, file);
    const folder = await open(dirname(file));
    await folder.sync().finally(() => folder.close());
    return size;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(unfinished, { force: true });
    throw error;
  }
};

const bytesAt = async (handle: FileHandle, position: number, length: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
};

const readManifest = async (file: string, handle: FileHandle): Promise<Manifest> => {
  const { size } = await handle.stat();
  if (!(await bytesAt(handle, 0, magic.length)).equals(magic)) throw new ArchiveBroken(`${file} is no backup of Berth`);
  const trailer = /^(\d{16}) ([0-9a-f]{64})\n$/.exec((await bytesAt(handle, Math.max(0, size - trailerBytes), trailerBytes)).toString('latin1'));
  const length = size - trailerBytes - Number(trailer?.[1]);
  if (!trailer || !(length > 0 && length <= manifestBytesMax)) throw new ArchiveBroken(`${file} is not whole: its end is missing`);
  const manifest = await bytesAt(handle, Number(trailer[1]), length);
  if (sha256(manifest) !== trailer[2]) throw new ArchiveBroken(`${file} is damaged: its table of contents is not what was written`);
  const parsed = JSON.parse(manifest.toString()) as Manifest;
  if (parsed.version !== formatVersion) throw new ArchiveBroken(`${file} has format ${parsed.version}, and this berth (format ${formatVersion}) cannot read it; use the version that wrote it (${parsed.berth})`);
  return parsed;
};

const partOf = (file: string, { offset, bytes }: Part): Readable =>
  bytes === 0 ? Readable.from([]) : createReadStream(file, { start: offset, end: offset + bytes - 1 });

const checkPart = async (file: string, part: Part): Promise<void> => {
  const hash = createHash('sha256');
  await hashed(partOf(file, part), hash, async () => undefined);
  if (hash.digest('hex') !== part.sha256) throw new ArchiveBroken(`${file} is damaged: ${part.name} is not what was written`);
};

/** Opens a backup after checking every byte of it. Throws ArchiveBroken. */
export const openArchive = async (file: string): Promise<Archive> => {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new ArchiveBroken(error.code === 'ENOENT' ? `there is no file ${file}` : `${file} cannot be read: ${error.message}`);
  });
  let manifest: Manifest;
  try {
    if (!(await handle.stat()).isFile()) throw new ArchiveBroken(`${file} is no file`);
    manifest = await readManifest(file, handle);
  } finally {
    await handle.close();
  }
  const { version: _, parts, ...about } = manifest;
  for (const part of parts) await checkPart(file, part);
  const find = (name: string): Part => {
    const part = parts.find((candidate) => candidate.name === name);
    if (!part) throw new ArchiveBroken(`${file} holds no ${name}`);
    return part;
  };
  return {
    about,
    parts,
    async read(name) {
      return Buffer.concat(await partOf(file, find(name)).toArray() as Buffer[]);
    },
    async extract(name, to) {
      await pipeline(partOf(file, find(name)), createWriteStream(to, { flags: 'wx', mode: 0o600 }));
    },
  };
};
