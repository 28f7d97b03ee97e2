/** Objects with one writer each: how they are read, and how the next write goes on top of what was read and of nothing else. */
import type { Client } from '../../proto/client.ts';
import { isApiError } from '../../proto/errors.ts';
import { configMapKind, deploymentKind } from '../../proto/kinds.ts';
import type { ConfigMap, Deployment } from '../../proto/resources/kubernetes.ts';
import type { Attempt, Found } from './ledger.ts';
import { configMap, namespace, replicasAt, scaledName, serverName } from './load-objects.ts';

export interface Present extends Found {
  readonly uid: string;
  readonly resourceVersion: string;
  /** How the object is not what its serial says; undefined when it is. */
  readonly flaw?: string;
}

export interface Subject {
  readonly key: string;
  readonly paceMs: number;
  /** Whether nobody else writes it. */
  readonly isAlone: boolean;
  read(signal: AbortSignal): Promise<Present | undefined>;
  verb(before: Present | undefined, serial: number): Attempt['verb'];
  /** Resolves to what is there then. */
  send(before: Present | undefined, serial: number, signal: AbortSignal): Promise<Present | undefined>;
}

/** Every so many writes the object goes, and comes again under its name. */
const writesPerLife = 12;

const presentMap = ({ metadata, data }: ConfigMap): Present => ({
  serial: Number(data?.['serial']), revision: Number(metadata.resourceVersion), resourceVersion: metadata.resourceVersion ?? '', uid: metadata.uid ?? '',
});

const orAbsent = (error: unknown): undefined => {
  if (!isApiError(error, 'NotFound')) throw error;
  return undefined;
};

export const mapSubject = (client: Client, name: string, paceMs: number): Subject => ({
  key: name,
  paceMs,
  isAlone: true,
  read: (signal) => client.get<ConfigMap>(configMapKind, namespace, name, { signal }).then(presentMap, orAbsent),
  verb: (before, serial) => (before === undefined ? 'create' : serial % writesPerLife === 0 ? 'delete' : 'write'),
  async send(before, serial, signal) {
    if (!before) return presentMap(await client.create<ConfigMap>(configMapKind, namespace, configMap(name, serial), { signal }));
    if (serial % writesPerLife !== 0) return presentMap(await client.update<ConfigMap>(configMapKind, namespace, name, configMap(name, serial, before.resourceVersion), { signal }));
    const preconditions = { uid: before.uid, resourceVersion: before.resourceVersion };
    await client.delete(configMapKind, namespace, name, { body: { preconditions }, signal });
    return undefined;
  },
});

const presentDeployment = (flawOf: (deployment: Deployment, serial: number) => string | undefined) => (deployment: Deployment): Present => {
  const { metadata } = deployment;
  const serial = Number(metadata.annotations?.['serial']);
  const flaw = flawOf(deployment, serial);
  return { serial, revision: Number(metadata.resourceVersion), resourceVersion: metadata.resourceVersion ?? '', uid: metadata.uid ?? '', ...(flaw ? { flaw } : {}) };
};

/** Its status is the loops', so a write cannot name a revision: it names the serial that it goes on top of. */
const deploymentSubject = (
  client: Client, name: string, paceMs: number, change: (serial: number) => object, flawOf: (deployment: Deployment, serial: number) => string | undefined,
): Subject => {
  const present = presentDeployment(flawOf);
  return {
    key: `deployment ${name}`,
    paceMs,
    isAlone: false,
    read: (signal) => client.get<Deployment>(deploymentKind, namespace, name, { signal }).then(present, orAbsent),
    verb: () => 'write',
    async send(before, serial, signal) {
      const path = '/metadata/annotations/serial';
      const patch = [{ op: 'test', path, value: String(before?.serial) }, { op: 'replace', path, value: String(serial) }, change(serial)];
      return present(await client.patch<Deployment>(deploymentKind, namespace, name, 'json', patch, { signal }));
    },
  };
};

export const scaleSubject = (client: Client, paceMs: number): Subject =>
  deploymentSubject(
    client, scaledName, paceMs,
    (serial) => ({ op: 'replace', path: '/spec/replicas', value: replicasAt(serial) }),
    ({ spec }, serial) => (spec?.replicas === replicasAt(serial) ? undefined : `${scaledName} ${serial} has ${spec?.replicas} replicas, not ${replicasAt(serial)}`),
  );

export const rolloutSubject = (client: Client, paceMs: number): Subject =>
  deploymentSubject(
    client, serverName, paceMs,
    (serial) => ({ op: 'replace', path: '/spec/template/metadata/annotations/round', value: String(serial) }),
    ({ spec }, serial) => {
      const round = spec?.template.metadata?.annotations?.['round'];
      return round === String(serial) ? undefined : `${serverName} ${serial} has a template of round ${round}`;
    },
  );
