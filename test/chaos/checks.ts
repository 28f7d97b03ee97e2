/** What is compared when the faults are over and the load is held up. */
import { configMapKind, podKind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { KubeObject, Pod } from '../../proto/resources/kubernetes.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import type { ClusterFixture } from '../fixtures/cluster.ts';
import type { Load } from './load.ts';
import { sandboxOwners, shared } from './ownership.ts';
import type { Running } from './running.ts';
import { unsettled } from './settling.ts';
import { guarantees, type Verdict } from './verdict.ts';
import { listed, selection, type Watching } from './watching.ts';

const pollMs = 200;
const sayPeriodMs = 5_000;
const callTimeoutMs = 10_000;

export interface CheckParts {
  readonly cluster: ClusterFixture;
  readonly load: Load;
  readonly running: Running;
  readonly verdict: Verdict;
  readonly clock: Clock;
}

export interface Patience {
  readonly boundMs: number;
  readonly limitMs: number;
  /** Hears now and then what is still wrong. */
  readonly say?: (text: string) => void;
}

/** Asks until nothing is wrong; resolves to how long that took, and to what was wrong at `boundMs` and at the end, `limitMs`. */
export const untilRight = async (
  wrong: () => Promise<string | undefined>, { boundMs, limitMs, say }: Patience, clock: Clock,
): Promise<{ readonly tookMs: number; readonly atBound: string | undefined; readonly atEnd: string | undefined }> => {
  const startedMs = clock.monotonicMs();
  let [atBound, saidMs]: [string | undefined, number] = [undefined, 0];
  for (;;) {
    const now = await wrong();
    const tookMs = clock.monotonicMs() - startedMs;
    if (tookMs > boundMs) atBound ??= now;
    if (now !== undefined && tookMs >= saidMs + sayPeriodMs) {
      saidMs = tookMs;
      say?.(`  not yet: ${now}`);
    }
    if (now === undefined || tookMs > limitMs) return { tookMs, atBound, atEnd: now };
    await clock.sleep(pollMs);
  }
};

export const untilSettled = ({ cluster, clock }: CheckParts, patience: Patience) => untilRight(() => unsettled(cluster.client), patience, clock);

const pods = async ({ cluster }: CheckParts): Promise<readonly Pod[]> => (await cluster.client.list<Pod>(podKind, {}, { signal: AbortSignal.timeout(callTimeoutMs) })).items;

/** How what runs differs from what the API says should. */
const strangers = async (parts: CheckParts): Promise<string | undefined> => {
  try {
    const [wanted, up] = await Promise.all([pods(parts), parts.running.sandboxes()]);
    const known = new Map(wanted.filter((pod) => !isTerminal(pod)).map((pod) => [pod.metadata.uid, pod]));
    const wrong = [
      ...up.filter(({ uid, node }) => known.get(uid)?.spec?.nodeName !== node).map(({ node, name, uid }) => `${name} (${uid}) runs on ${node}, and no pod is bound there`),
      ...[...known.values()].filter(({ metadata }) => !up.some(({ uid }) => uid === metadata.uid)).map(({ metadata }) => `${metadata.name} runs nowhere`),
      ...wanted.filter(({ metadata }) => metadata.deletionTimestamp).map(({ metadata }) => `${metadata.name} is still being deleted`),
      ...up.flatMap(({ name, uid, address }) => (known.get(uid)?.status?.podIP === address ? [] : [`${name} has ${address}, and the API says ${known.get(uid)?.status?.podIP}`])),
    ];
    return wrong.join('; ') || undefined;
  } catch (error) {
    return String(error);
  }
};

/** Waits until just the pods of the API run, each at its address. */
export const checkWhatRuns = async (parts: CheckParts, patience: Patience): Promise<void> => {
  const { atEnd } = await untilRight(() => strangers(parts), patience, parts.clock);
  parts.verdict.judge(guarantees.leaks, atEnd);
};

/** Whether a name or an address is really had twice, now. Who has it stays in two looks, the second begun after the first. */
export const checkOwners = async ({ running, verdict }: Pick<CheckParts, 'running' | 'verdict'>): Promise<void> => {
  const first = shared(sandboxOwners(await running.sandboxes()));
  if (first.length === 0) return;
  const second = shared(sandboxOwners(await running.sandboxes()));
  verdict.judge(guarantees.owners, first.find((complaint) => second.includes(complaint)));
};

/** Every acknowledged write is there; asked of each object by its name, and of the list. */
export const checkWrites = async ({ cluster, load, verdict }: CheckParts): Promise<void> => {
  const before = load.revisions.begin();
  const { items, resourceVersion } = await cluster.client.list<KubeObject>(configMapKind, selection, { signal: AbortSignal.timeout(callTimeoutMs) });
  verdict.judge(guarantees.revisions, load.revisions.complaint('the list of config maps', before, Number(resourceVersion), false));
  const found = new Map(items.map((item) => [item.metadata.name ?? '', item as KubeObject & { readonly data?: Readonly<Record<string, string>> }]));
  for (const subject of load.subjects) {
    const present = await subject.read(AbortSignal.timeout(callTimeoutMs));
    verdict.judge(guarantees.writes, load.ledger.complaint(subject.key, present) ?? present?.flaw);
    const item = found.get(subject.key);
    if (subject.isAlone) verdict.judge(guarantees.writes, load.ledger.complaint(subject.key, item && { serial: Number(item.data?.['serial']), revision: Number(item.metadata.resourceVersion) }));
  }
};

/** Each watch comes to show what a list shows, with every acknowledged write on the way. */
export const checkWatches = async ({ cluster, load, verdict, clock }: CheckParts, patience: Patience): Promise<void> => {
  const differs = async (watch: Watching, kind: typeof podKind): Promise<string | undefined> => {
    try {
      const difference = watch.record.difference((await cluster.client.list(kind, selection, { signal: AbortSignal.timeout(callTimeoutMs) })).items.map(listed));
      return difference && `${watch.name}: ${difference}`;
    } catch (error) {
      return `${watch.name}: the API does not answer: ${String(error)}`;
    }
  };
  const watches: [Watching, typeof podKind][] = [...load.mapWatches.map((watch): [Watching, typeof podKind] => [watch, configMapKind]), [load.podWatch as unknown as Watching, podKind]];
  for (const [watch, kind] of watches) {
    const { atEnd } = await untilRight(() => differs(watch, kind), patience, clock);
    verdict.judge(guarantees.watches, atEnd);
  }
  for (const watch of load.mapWatches) {
    const missing = load.ledger.revisions.find(({ key, revision }) => watch.record.lacks(key, revision));
    verdict.judge(guarantees.watches, missing && `${watch.name}: the write of ${missing.key} at ${missing.revision} was acknowledged and never shown`);
  }
};
