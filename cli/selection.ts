/** What a command is about: the arguments `pods`, `deployment/hello`, `deploy hello other`, `pods,services`, `all`. */
import { nearestName } from '../proto/schema/nearest.ts';
import { type Kind, kindNamed, kinds } from '../proto/kinds.ts';
import { UsageError } from './errors.ts';

export interface Target {
  readonly kind: Kind;
  /** Undefined: all of the kind. */
  readonly name: string | undefined;
}

const kindOrThrow = (name: string): Kind => {
  const kind = kindNamed(name);
  if (kind) return kind;
  const near = nearestName(name.toLowerCase(), kinds.flatMap((known) => [known.plural, known.singular]));
  throw new UsageError(`there is no kind "${name}"${near ? `; did you mean "${near}"?` : '.'} The kinds: ${kinds.map((known) => known.plural).join(', ')}`);
};

const kindsNamed = (text: string): readonly Kind[] =>
  text.split(',').flatMap((name) => (name === 'all' ? kinds.filter((kind) => kind.categories.includes('all')) : [kindOrThrow(name)]));

/** Throws UsageError. */
export const parseTargets = (words: readonly string[]): readonly Target[] => {
  const [first, ...names] = words;
  if (first === undefined) throw new UsageError('say what: a kind such as "pods", or one object such as "deployment/hello"');
  if (words.some((word) => word.includes('/'))) {
    return words.map((word) => {
      const [kind, name, ...more] = word.split('/');
      if (!kind || !name || more.length > 0) throw new UsageError(`"${word}" is not KIND/NAME; with one KIND/NAME all must be`);
      return { kind: kindOrThrow(kind), name };
    });
  }
  const found = kindsNamed(first);
  if (names.length === 0) return found.map((kind) => ({ kind, name: undefined }));
  return found.flatMap((kind) => names.map((name) => ({ kind, name })));
};

/** Exactly one object. Throws UsageError. */
export const parseTarget = (words: readonly string[]): { readonly kind: Kind; readonly name: string } => {
  const targets = parseTargets(words);
  const [target] = targets;
  if (targets.length !== 1 || target?.name === undefined) throw new UsageError(`name one object, such as ${target?.kind.singular ?? 'deployment'}/hello`);
  return { kind: target.kind, name: target.name };
};

/** `deployment.apps/hello`, as output names an object. */
export const displayName = (kind: Kind, name: string): string => `${kind.singular}${kind.group ? `.${kind.group}` : ''}/${name}`;
