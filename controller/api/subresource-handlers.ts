/** Subresources that are not a part of the object: scale, binding, eviction. */
import { badRequest } from '../../proto/errors.ts';
import type { KubeObject, Scale } from '../../proto/resources/kubernetes.ts';
import { jsonAnswer } from './answer.ts';
import { answer, type Backend, type Call } from './call.ts';
import { isObject } from './json-equality.ts';
import { negotiateForm } from './negotiation.ts';
import { deleteOptionsOf, plainWriteOptions, writeOptionsOf } from './request-options.ts';
import { scaleKind, scaleOf } from './scale.ts';
import { objectOf, patchTypeOf } from './write-handlers.ts';
import { partialMetadata } from './table.ts';
import { scaleTable } from './table-workloads.ts';
import { findPresent, keyOf } from './write-context.ts';

const created = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

const tableOf = (scale: KubeObject, nowMs: number): object => ({
  kind: 'Table',
  apiVersion: 'meta.k8s.io/v1',
  metadata: { resourceVersion: scale.metadata.resourceVersion },
  columnDefinitions: scaleTable.columns,
  rows: [{ cells: scaleTable.cells(scale, nowMs), object: partialMetadata(scale) }],
});

/** GET of `scale`. */
export const handleGetScale = async (call: Call, { reader, clock }: Backend): Promise<void> => {
  const { kind, namespace = '', name = '' } = call.target;
  const form = negotiateForm(call.headers.accept);
  await reader.current();
  const { object } = await findPresent(reader, kind, keyOf(namespace, name));
  const scale = scaleOf(object);
  await answer(call, jsonAnswer(200, form === 'table' ? tableOf(scale as KubeObject, clock.nowMs()) : scale));
};

/** PUT of `scale`. */
export const handleReplaceScale = async (call: Call, { api }: Backend): Promise<void> => {
  const { kind, namespace = '', name = '' } = call.target;
  const body = await call.body();
  const scale = objectOf(body, scaleKind) as unknown as Scale;
  const { object } = await api.replaceScale(kind, namespace, name, scale, writeOptionsOf(call, 'scale', body));
  await answer(call, jsonAnswer(200, scaleOf(object)));
};

/** PATCH of `scale`. */
export const handlePatchScale = async (call: Call, { api }: Backend): Promise<void> => {
  const { kind, namespace = '', name = '' } = call.target;
  const type = patchTypeOf(call.headers['content-type']);
  const body = await call.body();
  const { object } = await api.patchScale(kind, namespace, name, type, body.value, writeOptionsOf(call, 'scale', body));
  await answer(call, jsonAnswer(200, scaleOf(object)));
};

const named = (object: { metadata: { name?: string } }, name: string): void => {
  if (!object.metadata.name || object.metadata.name === name) return;
  throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
};

/** POST of `binding`. */
export const handleBinding = async (call: Call, { api }: Backend): Promise<void> => {
  const { namespace = '', name = '' } = call.target;
  const binding = objectOf(await call.body(), { kind: 'Binding', apiVersion: 'v1' });
  named(binding, name);
  const target = isObject(binding['target']) ? binding['target'] : {};
  if (target['kind'] && target['kind'] !== 'Node') throw badRequest('target.kind: Unsupported value: supported values: "Node"');
  const nodeName = typeof target['name'] === 'string' ? target['name'] : '';
  await api.bind(namespace, name, binding.metadata.uid ?? '', nodeName, plainWriteOptions(call));
  await answer(call, jsonAnswer(201, created));
};

/** POST of `eviction`. */
export const handleEviction = async (call: Call, { api }: Backend): Promise<void> => {
  const { namespace = '', name = '' } = call.target;
  const eviction = objectOf(await call.body(), { kind: 'Eviction', apiVersion: 'policy/v1' });
  named(eviction, name);
  await api.evict(namespace, name, deleteOptionsOf(call, eviction['deleteOptions']));
  await answer(call, jsonAnswer(201, created));
};
