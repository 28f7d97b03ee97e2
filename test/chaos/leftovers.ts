/** What a cluster has on its nodes and on the host, to be the same when the load is gone as before it came. */
import { execFileSync } from 'node:child_process';
import { hostEnvironment } from '../../cli/local/command.ts';
import { namespacePath } from '../../cli/local/host-network.ts';
import { readSettings } from '../../cli/local/settings.ts';
import type { ClusterFixture } from '../fixtures/cluster.ts';
import { nodeTraces } from '../fixtures/cluster-traces.ts';

/** An interface without the number of its other end, which is another one after a machine was off. */
const bare = (name: string): string => name.replace(/@.*/, '');

/** Each kind of thing with its names. */
export type Traces = Readonly<Record<string, readonly string[]>>;

const output = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', env: hostEnvironment(process.env), stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 16 << 20 });

/** Addresses that rules name: how maps are laid out as text changes with what was in them, and who is in them does not. */
const addressesIn = (rules: string): string[] => [...new Set(rules.match(/\b\d+\.\d+\.\d+\.\d+(\/\d+)?\b/g) ?? [])].toSorted();

const linesWith = (text: string, part: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line.includes(part)).toSorted();

const ofHost = ({ prefix }: ClusterFixture): Traces => ({
  'host: interfaces': linesWith(output('ip', '-o', 'link'), prefix).map((line) => bare(line.split(': ')[1] ?? '')),
  'host: routes': linesWith(output('ip', 'route'), `dev ${prefix}`),
  'host: tables': linesWith(output('nft', 'list', 'tables'), prefix),
  'host: namespaces': linesWith(output('ip', 'netns'), prefix).map((line) => line.split(' ')[0] ?? ''),
});

export const tracesOf = (cluster: ClusterFixture, nodes: readonly string[]): Traces => {
  const settings = readSettings(cluster.dataDir);
  if (!settings) throw new Error('the cluster has no settings');
  const ofNode = (node: string): [string, readonly string[]][] => {
    const inside = (...args: string[]): string => output('nsenter', `--net=${namespacePath(settings, node)}`, ...args);
    return [
      ...Object.entries(nodeTraces(cluster, node)),
      ['addresses in rules', addressesIn(inside('nft', '-s', 'list', 'ruleset'))] as [string, readonly string[]],
      ['routes', linesWith(inside('ip', 'route'), '.')] as [string, readonly string[]],
    ].map(([what, names]) => [`${node}: ${what}`, what === 'interfaces' ? names.map(bare) : names] as [string, readonly string[]]);
  };
  return Object.fromEntries([...Object.entries(ofHost(cluster)), ...nodes.flatMap(ofNode)]);
};

/** What came and what went, kind by kind; empty when nothing did. */
export const changesBetween = (before: Traces, after: Traces): readonly string[] =>
  Object.keys(after).flatMap((what) => {
    const [then, now] = [before[what] ?? [], after[what] ?? []];
    return [...now.filter((name) => !then.includes(name)).map((name) => `${what}: +${name}`), ...then.filter((name) => !now.includes(name)).map((name) => `${what}: -${name}`)];
  });
