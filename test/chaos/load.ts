/** The load as a whole, with those who watch it: it begins, is held up for a comparison, and goes. */
import { openContext } from '../../cli/context.ts';
import type { Client } from '../../proto/client.ts';
import { configMapKind, deploymentKind, nodeKind, podKind, serviceKind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Node, Pod, Service } from '../../proto/resources/kubernetes.ts';
import type { ClusterFixture } from '../fixtures/cluster.ts';
import { eventually } from '../fixtures/eventually.ts';
import { Gate } from './gate.ts';
import { Ledger } from './ledger.ts';
import { namespace, scaledDeployment, scaledName, serverDeployment, serverName, serverService } from './load-objects.ts';
import { addressOwners, shared } from './ownership.ts';
import { Requests } from './requests.ts';
import { Revisions } from './revisions.ts';
import { unsettled } from './settling.ts';
import { runSolo } from './solo.ts';
import { mapSubject, rolloutSubject, scaleSubject, type Subject } from './subjects.ts';
import { guarantees, type Verdict } from './verdict.ts';
import { selection, Watching } from './watching.ts';
import { Outages, Writer } from './writer.ts';

const maps = 5;
const mapPaceMs = 700;
const scalePaceMs = 6_000;
const rolloutPaceMs = 11_000;
const beginTimeoutMs = 120_000;
const goneTimeoutMs = 120_000;
const firstSerial = 1;

export interface LoadParts {
  readonly cluster: ClusterFixture;
  readonly image: string;
  readonly verdict: Verdict;
  readonly clock: Clock;
}

const serviceUrls = async (client: Client, service: Service): Promise<string[]> => {
  const port = service.spec?.ports?.[0]?.nodePort;
  const { items } = await client.list<Node>(nodeKind);
  return items.map(({ status }) => `http://${status?.addresses?.find(({ type }) => type === 'InternalIP')?.address}:${port}/`);
};

export class Load {
  readonly ledger = new Ledger();
  readonly revisions = new Revisions();
  readonly outages = new Outages();
  /** Deployments and pods: what takes a while to become so. */
  readonly churn = new Gate();
  readonly writes = new Gate();
  readonly requests: Requests;
  readonly mapWatches: readonly Watching[];
  readonly podWatch: Watching<Pod>;
  readonly subjects: readonly Subject[];
  readonly #parts: LoadParts;
  readonly #watchClients: readonly Client[];
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  private constructor(parts: LoadParts, urls: readonly string[]) {
    const { cluster, verdict, clock } = parts;
    this.#parts = parts;
    this.requests = new Requests({ urls, verdict, clock });
    // Each on a connection of its own, as they are to be at different controllers.
    this.#watchClients = Array.from({ length: 3 }, () => openContext({ kubeconfig: cluster.kubeconfig }, process.env, clock).client);
    const [one, two, three] = this.#watchClients as [Client, Client, Client];
    this.mapWatches = [one, two].map((client, at) => new Watching(`watch ${at + 1} of config maps`, configMapKind, { client, verdict, clock }));
    this.podWatch = new Watching<Pod>('the watch of pods', podKind, { client: three, verdict, clock }, (pods) =>
      verdict.judge(guarantees.owners, shared(addressOwners([...pods]))[0]));
    this.subjects = [
      ...Array.from({ length: maps }, (_, at) => mapSubject(cluster.client, `map-${at + 1}`, mapPaceMs)), scaleSubject(cluster.client, scalePaceMs), rolloutSubject(cluster.client, rolloutPaceMs),
    ];
  }

  /** Makes its objects, waits until they are as they should be, and starts everybody. */
  static async begin(parts: LoadParts): Promise<Load> {
    const { client } = parts.cluster;
    const service = await client.create<Service>(serviceKind, namespace, serverService);
    await client.create(deploymentKind, namespace, serverDeployment(parts.image, firstSerial));
    await client.create(deploymentKind, namespace, scaledDeployment(parts.image, firstSerial));
    const load = new Load(parts, await serviceUrls(client, service));
    await eventually('the load is up', async () => ((await unsettled(client)) === undefined ? true : undefined), beginTimeoutMs);
    load.#run();
    return load;
  }

  #run(): void {
    const { cluster, image, verdict, clock } = this.#parts;
    const { signal } = this.#stop;
    const writers = this.subjects.map((subject) => {
      const parts = { ledger: this.ledger, revisions: this.revisions, outages: this.outages, verdict, clock };
      if (subject.isAlone) return new Writer(subject, 0, { ...parts, gate: this.writes });
      this.ledger.attempt(subject.key, { serial: firstSerial, verb: 'create' });
      this.ledger.acknowledge(subject.key, firstSerial);
      return new Writer(subject, firstSerial, { ...parts, gate: this.churn });
    });
    this.#running = Promise.all([
      ...writers.map((writer) => writer.run(signal)), runSolo(cluster.client, image, this.churn, clock, signal), this.requests.run(signal),
      ...[...this.mapWatches, this.podWatch].map((watch) => watch.run(signal)),
    ]);
  }

  /** Ends everybody; the objects stay. Idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the load ends'));
    await this.#running;
    for (const client of this.#watchClients) client.close();
  }

  /** Removes the objects, and waits until the pods are gone. */
  async remove(): Promise<void> {
    const { client } = this.#parts.cluster;
    await client.delete(serviceKind, namespace, serverName);
    for (const name of [serverName, scaledName]) await client.delete(deploymentKind, namespace, name, { body: { propagationPolicy: 'Background' } });
    for (const kind of [configMapKind, podKind]) {
      for (const { metadata } of (await client.list(kind, selection)).items) await client.delete(kind, namespace, metadata.name ?? '').catch(() => undefined);
    }
    await eventually('the pods of the load are gone', async () => ((await client.list(podKind, selection)).items.length === 0 ? true : undefined), goneTimeoutMs);
  }
}
