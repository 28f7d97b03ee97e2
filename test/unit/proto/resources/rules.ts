/** Runs tables of validation rules: each row changes a valid object and names what must be said about it. */
import type { ExecutionContext } from 'ava';
import type { FieldError } from '../../../../proto/errors.ts';
import type { Kind } from '../../../../proto/kinds.ts';
import type { Deployment, KubeObject, Pod } from '../../../../proto/resources/kubernetes.ts';
import { strategyFor } from '../../../../proto/resources/strategies.ts';

/** A part of an object, free of types, so that rows can break it. */
// oxlint-disable-next-line no-explicit-any -- rows write what the types forbid
export type Loose = any;

/** `expected` are `field reason`; none when the change is allowed. */
export type Row = readonly [title: string, change: (object: Loose) => void, ...expected: string[]];

export const brief = (errors: readonly FieldError[]): string[] =>
  errors.map(({ field, reason }) => `${field} ${reason.replace('FieldValue', '')}`).toSorted();

/** As the API does it: defaults, preparation, validation. */
export const create = (kind: Kind, object: KubeObject): FieldError[] => {
  const strategy = strategyFor(kind);
  strategy.setDefaults(object);
  strategy.prepareForCreate(object);
  return strategy.validateCreate(object);
};

export const update = (kind: Kind, object: KubeObject, old: KubeObject, subresource = ''): FieldError[] => {
  const strategy = strategyFor(kind);
  strategy.setDefaults(object);
  strategy.prepareForUpdate(object, old, subresource);
  return strategy.validateUpdate(object, old, subresource);
};

export const checkCreation = (t: ExecutionContext, kind: Kind, valid: KubeObject, rows: readonly Row[]): void => {
  t.deepEqual(brief(create(kind, structuredClone(valid))), [], 'the object that rows start from');
  for (const [title, change, ...expected] of rows) {
    const object = structuredClone(valid);
    change(object);
    t.deepEqual(brief(create(kind, object)), expected.toSorted(), title);
  }
};

export const checkUpdate = (t: ExecutionContext, kind: Kind, valid: KubeObject, rows: readonly Row[]): void => {
  const old = structuredClone(valid);
  create(kind, old);
  for (const [title, change, ...expected] of rows) {
    const object = structuredClone(old);
    change(object);
    t.deepEqual(brief(update(kind, object, old)), expected.toSorted(), title);
  }
};

export const pod = (): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    containers: [{ name: 'main', image: 'registry.example/web:1' }],
    volumes: [{ name: 'data', emptyDir: {} }],
  },
});

export const deployment = (): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'registry.example/web:1' }] } },
  },
});
