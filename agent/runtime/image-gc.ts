/** Removes images that nothing uses when the disk fills up: from `high` percent down to `low`, the longest unused first. */
import { statfs } from 'node:fs/promises';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { runtimeLimits } from '../limits.ts';
import { type Cri, CriError } from './cri.ts';

export interface DiskUse {
  readonly totalBytes: number;
  readonly usedBytes: number;
}

export interface ImageUse {
  readonly id: string;
  readonly sizeBytes: number;
  /** Never removed, e.g. that of the sandboxes. */
  readonly pinned: boolean;
  readonly inUse: boolean;
  readonly firstSeenMs: number;
  /** When a container was last seen with it; the first time it was seen where none was. */
  readonly lastUsedMs: number;
}

/**
 * The ids to remove, in order. Pure. Never what is in use, pinned or seen for less than the minimum age; the longest unused
 * first, and of those the oldest; only as many as it takes.
 */
export const chooseImages = (images: readonly ImageUse[], disk: DiskUse, nowMs: number): string[] => {
  const { imageGcHighPercent, imageGcLowPercent, imageUnusedAgeMsMin } = runtimeLimits;
  if (disk.totalBytes === 0 || disk.usedBytes * 100 < disk.totalBytes * imageGcHighPercent) return [];
  let excessBytes = disk.usedBytes - (disk.totalBytes * imageGcLowPercent) / 100;
  const chosen: string[] = [];
  const candidates = images
    .filter(({ inUse, pinned, firstSeenMs }) => !inUse && !pinned && nowMs - firstSeenMs >= imageUnusedAgeMsMin)
    .sort((a, b) => a.lastUsedMs - b.lastUsedMs || a.firstSeenMs - b.firstSeenMs);
  for (const { id, sizeBytes } of candidates) {
    if (excessBytes <= 0) break;
    chosen.push(id);
    excessBytes -= sizeBytes;
  }
  return chosen;
};

const isPause = (tags: readonly string[]): boolean => tags.some((tag) => /\/pause[:@]/.test(tag));

export class ImageGc {
  readonly #cri: Cri;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #seen = new Map<string, { firstSeenMs: number; lastUsedMs: number }>();
  #timer: Timer | undefined;

  constructor({ cri, clock, log }: { cri: Cri; clock: Clock; log: Log }) {
    this.#cri = cri;
    this.#clock = clock;
    this.#log = log;
  }

  start(): void {
    this.#timer = this.#clock.every(runtimeLimits.imageGcPeriodMs, () => {
      this.collect().catch((error: unknown) => this.#log.warn('image garbage collection failed', { error }));
    });
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** One round; resolves to the ids that were removed. */
  async collect(): Promise<readonly string[]> {
    const images = await this.#uses();
    const disk = await this.#disk();
    const removed: string[] = [];
    for (const id of chooseImages(images, disk, this.#clock.nowMs())) {
      try {
        await this.#cri.call('RemoveImage', { image: { image: id } });
        removed.push(id);
      } catch (error) {
        if (!(error instanceof CriError)) throw error;
        this.#log.warn('image not removed', { id, error });
      }
    }
    if (removed.length > 0) this.#log.info('removed unused images', { count: removed.length });
    return removed;
  }

  async #uses(): Promise<ImageUse[]> {
    const [{ images }, { containers }] = await Promise.all([this.#cri.call('ListImages', {}), this.#cri.call('ListContainers', {})]);
    const nowMs = this.#clock.nowMs();
    const used = new Set(containers.flatMap(({ image_ref, image }) => [image_ref, image?.image ?? '']));
    const ids = new Set(images.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id);
    return images.map(({ id, size, pinned, repo_tags, repo_digests }) => {
      const inUse = [id, ...repo_tags, ...repo_digests].some((name) => used.has(name));
      const seen = this.#seen.get(id) ?? { firstSeenMs: nowMs, lastUsedMs: nowMs };
      if (inUse) seen.lastUsedMs = nowMs;
      this.#seen.set(id, seen);
      return { id, sizeBytes: size, pinned: pinned || isPause(repo_tags), inUse, ...seen };
    });
  }

  async #disk(): Promise<DiskUse> {
    const { image_filesystems } = await this.#cri.call('ImageFsInfo', {});
    const path = image_filesystems[0]?.fs_id?.mountpoint;
    if (!path) return { totalBytes: 0, usedBytes: 0 };
    const { blocks, bavail, bsize } = await statfs(path);
    return { totalBytes: blocks * bsize, usedBytes: (blocks - bavail) * bsize };
  }
}
