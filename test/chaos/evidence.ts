/** What is needed to look into a broken guarantee, kept beyond the cluster's end. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { paths } from '../../cli/local/settings.ts';
import { deploymentKind, endpointSliceKind, eventKind, nodeKind, podKind, replicaSetKind } from '../../proto/kinds.ts';
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject, Pod } from '../../proto/resources/kubernetes.ts';
import { podStatusText } from '../../proto/resources/pod.ts';
import type { ClusterFixture } from '../fixtures/cluster.ts';

const kinds: readonly Kind[] = [nodeKind, deploymentKind, replicaSetKind, podKind, endpointSliceKind, eventKind];
const callTimeoutMs = 10_000;
const logLines = 8;
const logLineCharactersMax = 300;

const lastLines = (folder: string): string =>
  readdirSync(folder).filter((file) => file.endsWith('.log')).toSorted().map((file) => `--- ${file}\n${readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').slice(-logLines).map((line) => line.slice(0, logLineCharactersMax)).join('\n')}`).join('\n');

const podLine = (pod: Pod): string =>
  `${pod.metadata.name}  ${podStatusText(pod)}  ${pod.spec?.nodeName ?? 'nowhere'}  ${pod.status?.podIP ?? 'no address'}${pod.metadata.deletionTimestamp ? `  deleted ${pod.metadata.deletionTimestamp}` : ''}`;

export interface Evidence {
  readonly folder: string;
  /** The most telling part. */
  readonly text: string;
}

/** Logs and objects in a folder of their own. What cannot be had is left out. */
export const keepEvidence = async (cluster: ClusterFixture, seed: number, history: readonly string[]): Promise<Evidence> => {
  const folder = mkdtempSync(join(tmpdir(), `berth-chaos-${seed}-`));
  const { logs } = paths(cluster.dataDir);
  if (existsSync(logs)) cpSync(logs, join(folder, 'log'), { recursive: true });
  writeFileSync(join(folder, 'history.txt'), `${history.join('\n')}\n`);
  const pods: string[] = [];
  for (const kind of kinds) {
    const { items } = await cluster.client.list<KubeObject>(kind, {}, { signal: AbortSignal.timeout(callTimeoutMs) }).catch(() => ({ items: [] }));
    writeFileSync(join(folder, `${kind.plural}.json`), JSON.stringify(items, undefined, 2));
    if (kind === podKind) pods.push(...items.map((item) => podLine(item as Pod)));
  }
  return { folder, text: `pods:\n${pods.join('\n')}\n${existsSync(logs) ? lastLines(logs) : ''}` };
};
