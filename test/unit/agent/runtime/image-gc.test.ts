import test from 'ava';
import { chooseImages, type ImageUse } from '../../../../agent/runtime/image-gc.ts';

const hourMs = 3_600_000;
const image = (id: string, fields: Partial<ImageUse> = {}): ImageUse => ({ id, sizeBytes: 3, pinned: false, inUse: false, firstSeenMs: 0, lastUsedMs: 0, ...fields });

test('nothing goes while the disk is less full than the high mark', (t) => {
  t.deepEqual(chooseImages([image('a')], { totalBytes: 100, usedBytes: 84 }, hourMs), []);
  t.deepEqual(chooseImages([image('a')], { totalBytes: 0, usedBytes: 0 }, hourMs), []);
});

test('the longest unused go first, down to the low mark and no further', (t) => {
  const images = [image('recent', { lastUsedMs: 30 }), image('old', { lastUsedMs: 10 }), image('middle', { lastUsedMs: 20 })];
  t.deepEqual(chooseImages(images, { totalBytes: 100, usedBytes: 86 }, hourMs), ['old', 'middle']);
});

test('what is in use, pinned or just came stays, however full the disk', (t) => {
  const images = [image('used', { inUse: true }), image('pinned', { pinned: true }), image('new', { firstSeenMs: hourMs - 60_000 }), image('free')];
  t.deepEqual(chooseImages(images, { totalBytes: 100, usedBytes: 100 }, hourMs), ['free']);
});
