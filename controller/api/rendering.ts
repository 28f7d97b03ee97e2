/**
 * The bytes of answers, in each form that a client may ask for. Objects as they are come from `stored.bytes`: a list is
 * those bytes one after the other, and nothing is serialized again.
 */
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import type { Stored } from '../store/stored.ts';
import type { Page } from './list.ts';
import type { Form } from './negotiation.ts';
import { type IncludeObject, partialMetadata, type Row, rowOf, tableFor } from './table.ts';

export interface Rendering {
  /** One object, as an answer or within a watch event. */
  one(stored: Stored): Buffer;
  list(page: Page): Buffer;
  /** The object of a BOOKMARK event. */
  bookmark(metadata: object): Buffer;
}

const listMetadata = ({ revision, continueToken, remainingItemCount }: Page): object => ({
  resourceVersion: String(revision),
  ...(continueToken === undefined ? {} : { continue: continueToken }),
  ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
});

const comma = Buffer.from(',');
const listEnd = Buffer.from(']}');

const concatenated = (head: object, items: readonly Buffer[]): Buffer => {
  // `head` without its closing brace goes on with the items.
  const parts: Buffer[] = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`)];
  for (const [index, item] of items.entries()) {
    if (index > 0) parts.push(comma);
    parts.push(item);
  }
  parts.push(listEnd);
  return Buffer.concat(parts);
};

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));

const objectRendering = (kind: Kind): Rendering => ({
  one: ({ bytes }) => bytes,
  list: (page) =>
    concatenated(
      { kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata: listMetadata(page) },
      page.items.map(({ bytes }) => bytes),
    ),
  bookmark: (metadata) => json({ kind: kind.kind, apiVersion: kind.apiVersion, metadata }),
});

const metadataRendering = (): Rendering => ({
  one: ({ object }) => json(partialMetadata(object)),
  list: (page) =>
    concatenated(
      { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: listMetadata(page) },
      page.items.map(({ object }) => json(partialMetadata(object))),
    ),
  bookmark: (metadata) => json(partialMetadata({ metadata } as KubeObject)),
});

const tableRendering = (kind: Kind, include: IncludeObject, nowMs: () => number): Rendering => {
  const table = (metadata: object, rows: readonly Row[], withColumns = true): Buffer =>
    json({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      columnDefinitions: withColumns ? tableFor(kind).columns : null,
      rows,
    });
  return {
    one: ({ object }) => table({ resourceVersion: object.metadata.resourceVersion }, [rowOf(kind, object, include, nowMs())]),
    list: (page) => {
      const now = nowMs();
      return table(listMetadata(page), page.items.map(({ object }) => rowOf(kind, object, include, now)));
    },
    bookmark: (metadata) => table(metadata, [], false),
  };
};

export const renderingFor = (form: Form, kind: Kind, include: IncludeObject, nowMs: () => number): Rendering => {
  switch (form) {
    case 'table':
      return tableRendering(kind, include, nowMs);
    case 'metadata':
      return metadataRendering();
    case 'object':
      return objectRendering(kind);
  }
};
