/** The administrator's kubeconfig of a server. It names the certificate's files, so that it goes on working when they are replaced. */
import { join } from 'node:path';
import type { Client } from '../../proto/client.ts';
import { isApiError } from '../../proto/errors.ts';
import { endpointsKind } from '../../proto/kinds.ts';
import type { Endpoints } from '../../proto/resources/kubernetes.ts';
import { serversExtension } from '../context.ts';
import { addServers } from '../local/kubeconfig-merge.ts';
import type { Layout } from './layout.ts';
import { writeSettingsFile } from './settings-file.ts';

const name = 'berth';
const fileOf = (layout: Layout): string => layout.config('admin.kubeconfig');

/** `servers` are https://HOST:PORT, this machine's own first. */
export const writeKubeconfig = (layout: Layout, servers: readonly string[]): void => {
  const { pki } = layout;
  const extensions = servers.length > 1 ? { extensions: [{ name: serversExtension, extension: { servers } }] } : {};
  writeSettingsFile(fileOf(layout), '"kubectl config view --raw --flatten" makes one of it that can be copied elsewhere.', {
    apiVersion: 'v1', kind: 'Config', 'current-context': name,
    clusters: [{ name, cluster: { server: servers[0], 'certificate-authority': join(pki, 'ca.crt'), ...extensions } }],
    users: [{ name: 'berth-admin', user: { 'client-certificate': join(pki, 'admin.crt'), 'client-key': join(pki, 'admin.key') } }],
    contexts: [{ name, context: { cluster: name, user: 'berth-admin', namespace: 'default' } }],
  });
};

/** The API's address at each server: what is behind the service `kubernetes`. Throws ApiError, ConnectionError. */
const servingServers = async (client: Client, signal: AbortSignal): Promise<readonly string[]> => {
  const endpoints = await client.get<Endpoints>(endpointsKind, 'default', 'kubernetes', { signal }).catch((error: unknown) => {
    // The cluster is just being made.
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
  return (endpoints?.subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
    addresses.flatMap(({ ip }) => ports.map(({ port }) => `https://${ip}:${port}`)));
};

/** Adds the servers that have come since it was written; where it is gone it stays so. Throws ApiError, ConnectionError. */
export const updateKubeconfig = async (layout: Layout, client: Client, signal: AbortSignal): Promise<void> =>
  addServers({ path: fileOf(layout) }, name, await servingServers(client, signal));
