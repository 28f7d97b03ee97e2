/**
 * What may stand where the cursor is, for the shells: `berth __complete WORD…` prints it, one to a line; the last word is
 * the one being written. Commands and flags come from the program itself, names from the cluster.
 */
import { kindNamed, kinds, namespaceKind, nodeKind, type Kind } from '../proto/kinds.ts';
import type { KubeObject } from '../proto/resources/kubernetes.ts';
import { type Flag, flagsOf } from './command-flags.ts';
import { commands } from './commands.ts';
import { openContext } from './context.ts';
import type { Program } from './program.ts';
import { withLimits } from './waiting.ts';

/** Somebody waits with a finger on the key. */
const completionTimeoutMs = 2000;

const contextCommands = new Set(['get', 'describe', 'delete', 'wait', 'scale', 'rollout', 'logs', 'exec', 'attach', 'events', 'explain']);
const nodeCommands = new Set(['cordon', 'uncordon', 'drain']);
const kindNames = (): string[] => kinds.map(({ plural }) => plural);

const namespaceOf = (words: readonly string[]): string | undefined => {
  const at = words.findLastIndex((word) => word === '-n' || word === '--namespace');
  return at >= 0 ? words[at + 1] : words.find((word) => word.startsWith('--namespace='))?.slice('--namespace='.length);
};

const valueOf = (words: readonly string[], flag: string): string | undefined => {
  const at = words.indexOf(flag);
  return at >= 0 ? words[at + 1] : undefined;
};

class Completion {
  readonly #words: readonly string[];
  readonly #program: Program;

  constructor(words: readonly string[], program: Program) {
    this.#words = words;
    this.#program = program;
  }

  async #names(kind: Kind): Promise<string[]> {
    const namespace = namespaceOf(this.#words);
    const [kubeconfig, name] = [valueOf(this.#words, '--kubeconfig'), valueOf(this.#words, '--context')];
    const context = openContext(
      { ...(namespace ? { namespace } : {}), ...(kubeconfig ? { kubeconfig } : {}), ...(name ? { context: name } : {}) },
      this.#program.env, this.#program.clock,
    );
    try {
      return await withLimits(this.#program, { timeoutMs: completionTimeoutMs, lateText: () => 'the server is too slow' }, async (signal) =>
        (await context.client.list<KubeObject>(kind, kind.namespaced ? { namespace: context.namespace } : {}, { signal })).items.map(({ metadata }) => metadata.name ?? ''));
    } finally {
      context.client.close();
    }
  }

  async #kindAndNames(prefix: string): Promise<string[]> {
    const kind = kindNamed(prefix);
    return kind ? (await this.#names(kind)).map((name) => `${prefix}/${name}`) : [];
  }

  /** Positional words only; flags and their values are passed over. */
  #positionals(words: readonly string[], flags: readonly Flag[]): string[] {
    const found: string[] = [];
    for (let at = 0; at < words.length; at += 1) {
      const word = words[at] ?? '';
      if (!word.startsWith('-')) found.push(word);
      else if (!word.includes('=') && flags.some((flag) => flag.takesValue && flag.names.includes(word))) at += 1;
    }
    return found;
  }

  async #flagValue(flag: Flag): Promise<readonly string[]> {
    if (flag.names.includes('--namespace')) return this.#names(namespaceKind);
    if (flag.names.includes('--output')) return flag.choices.length > 0 ? flag.choices : ['wide', 'yaml', 'json', 'name', 'jsonpath='];
    return flag.choices;
  }

  async #positional(name: string, before: readonly string[], current: string): Promise<readonly string[]> {
    if (name === 'rollout' && before.length === 0) return ['status', 'history', 'undo', 'restart', 'pause', 'resume'];
    if (name === 'completion') return ['bash', 'zsh'];
    if (nodeCommands.has(name)) return this.#names(nodeKind);
    if (!contextCommands.has(name)) return [];
    if (current.includes('/')) return this.#kindAndNames(current.slice(0, current.indexOf('/')));
    const words = name === 'rollout' ? before.slice(1) : before;
    const kind = words[0] === undefined ? undefined : kindNamed(words[0]);
    if (kind) return name === 'explain' ? [] : this.#names(kind);
    if (words.length > 0) return [];
    if (name === 'logs' || name === 'exec' || name === 'attach') return this.#names(kindNamed('pods') as Kind);
    if (name === 'rollout' || name === 'scale') return this.#kindAndNames('deployment');
    return [...kindNames(), ...(name === 'get' || name === 'delete' ? ['all'] : [])];
  }

  async candidates(): Promise<readonly string[]> {
    const [name = '', ...rest] = this.#words;
    if (rest.length === 0) return Object.keys(commands);
    const row = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!row) return [];
    const flags = flagsOf((await row.load()).builder);
    const current = rest.at(-1) ?? '';
    const before = rest.slice(0, -1);
    const flag = flags.find(({ names, takesValue }) => takesValue && names.includes(before.at(-1) ?? ''));
    if (flag) return this.#flagValue(flag);
    if (current.startsWith('-')) return flags.flatMap(({ names }) => names.slice(0, 1));
    return this.#positional(name, this.#positionals(before, flags), current);
  }
}

/** Prints nothing when nothing can be found out: a shell that completes has no room for errors. */
export const complete = async (words: readonly string[], program: Program): Promise<void> => {
  const current = words.at(-1) ?? '';
  const found = await new Completion(words, program).candidates().catch(() => []);
  for (const word of found) if (word.startsWith(current)) program.stdout.write(`${word}\n`);
};
