import test from 'ava';
import { type Epoch, epochOf, type KnownEpoch, type Sighting } from '../../../../controller/store/epoch.ts';

const nowMs = Date.UTC(2026, 5, 1);
const epoch: Epoch = { offset: 1_000, clusterId: 'a', lead: 3 };
const sighting = (changes: Partial<Sighting> = {}): Sighting => ({ clusterId: 'a', revision: 50, leadMin: 7, leadMax: 8, recorded: epoch, ...changes });
const known = (changes: Partial<KnownEpoch> = {}): KnownEpoch => ({ epoch, lead: 6, seen: 1_050, ...changes });

test('the first epoch counts as etcd does', (t) => {
  t.deepEqual(epochOf(sighting({ recorded: undefined }), undefined, nowMs), { offset: 0, clusterId: 'a', lead: 7 });
});

test('what is recorded holds for as long as nothing speaks against it', (t) => {
  t.is(epochOf(sighting(), undefined, nowMs), epoch);
  t.is(epochOf(sighting(), known(), nowMs), epoch);
  t.is(epochOf(sighting({ leadMin: 0, leadMax: 3 }), undefined, nowMs), epoch, 'the lead of then may be the lead of now');
  const next = { ...epoch, offset: 2_000 };
  t.is(epochOf(sighting({ recorded: next }), known(), nowMs), next, 'another controller has seen it first');
});

const restored: Readonly<Record<string, readonly [Sighting, KnownEpoch | undefined]>> = {
  'another cluster id': [sighting({ clusterId: 'b' }), undefined],
  'a log that leads by less than when the epoch began': [sighting({ leadMin: 1, leadMax: 2 }), undefined],
  'a log that leads by less than before': [sighting({ leadMin: 4, leadMax: 5 }), known()],
  'a revision before one that was seen': [sighting({ revision: 49 }), known()],
  'an older record': [sighting(), known({ epoch: { ...epoch, offset: 2_000 }, seen: 2_001 })],
  'no record any more': [sighting({ recorded: undefined }), known()],
  'the record of a controller that had seen less': [sighting({ recorded: { ...epoch, offset: 1_040 } }), known()],
};
for (const [what, [seen, before]] of Object.entries(restored)) {
  test(`etcd was restored when it shows ${what}; then revisions go on above all that were`, (t) => {
    for (const at of [0, nowMs]) {
      const next = epochOf(seen, before, at);
      t.true(next.offset > Math.max(before?.seen ?? 0, (seen.recorded?.offset ?? 0) + seen.revision));
      t.is(next.clusterId, seen.clusterId);
      t.is(epochOf({ ...seen, recorded: next }, before, at), next, 'once it is recorded, it holds');
    }
  });
}

test('of two restores the later one has the larger offset, though the snapshot knows of none', (t) => {
  const once = epochOf(sighting({ clusterId: 'b' }), undefined, nowMs);
  t.true(epochOf(sighting({ clusterId: 'c' }), undefined, nowMs + 60_000).offset > once.offset + 50);
});

test('revisions stay whole numbers until 2090', (t) => {
  t.true(Number.isSafeInteger(epochOf(sighting({ clusterId: 'b' }), undefined, Date.UTC(2090, 0, 1)).offset * 4_096 + 4_095));
});
