/** The one form of an Endpoints object's subsets: addresses with the same ports stand together. Pure. */
import type { EndpointAddress, EndpointSubset } from './kubernetes.ts';

type Port = NonNullable<EndpointSubset['ports']>[number];

interface Entry {
  readonly address: EndpointAddress;
  ready: boolean;
}

/** Stands for a subset that names no port: its addresses belong together too. */
const noPort = '';

const portKey = ({ name, port, protocol, appProtocol }: Port): string => `${name ?? ''}/${port}/${protocol ?? ''}/${appProtocol ?? ''}`;
const addressKey = ({ ip, targetRef }: EndpointAddress): string => `${ip}/${targetRef?.uid ?? ''}`;
const comparePorts = (a: Port, b: Port): number =>
  (a.name ?? '') < (b.name ?? '') ? -1 : (a.name ?? '') > (b.name ?? '') ? 1 : (a.port ?? 0) - (b.port ?? 0) || ((a.protocol ?? '') < (b.protocol ?? '') ? -1 : 1);
const byKey = <T>([a]: readonly [string, T], [b]: readonly [string, T]): number => (a < b ? -1 : a > b ? 1 : 0);

/** Port -> its addresses; one that is not ready anywhere for the port is not ready. */
const addressesByPort = (subsets: readonly EndpointSubset[]): Map<string, { port: Port | undefined; entries: Map<string, Entry> }> => {
  const byPort = new Map<string, { port: Port | undefined; entries: Map<string, Entry> }>();
  for (const { addresses, notReadyAddresses, ports } of subsets) {
    const named: readonly (Port | undefined)[] = ports?.length ? ports : [undefined];
    for (const port of named) {
      const key = port ? portKey(port) : noPort;
      const { entries } = byPort.get(key) ?? { entries: new Map<string, Entry>() };
      byPort.set(key, { port, entries });
      const add = (ready: boolean) => (address: EndpointAddress): void => {
        const known = entries.get(addressKey(address));
        if (known) known.ready &&= ready;
        else entries.set(addressKey(address), { address, ready });
      };
      addresses?.forEach(add(true));
      notReadyAddresses?.forEach(add(false));
    }
  }
  return byPort;
};

/**
 * Subsets such that no two have the same addresses, sorted: the same endpoints are the same object, however they were
 * written (as Kubernetes repacks them). Repacking twice changes nothing.
 */
export const repackSubsets = (subsets: readonly EndpointSubset[]): EndpointSubset[] => {
  const packed = new Map<string, { entries: readonly Entry[]; ports: Port[] }>();
  for (const { port, entries } of addressesByPort(subsets).values()) {
    const sorted = [...entries].toSorted(byKey);
    const key = sorted.map(([id, { ready }]) => `${id} ${ready}`).join();
    const group = packed.get(key) ?? { entries: sorted.map(([, entry]) => entry), ports: [] };
    if (port) group.ports.push(port);
    packed.set(key, group);
  }
  return [...packed].toSorted(byKey).map(([, { entries, ports }]) => {
    const addresses = entries.filter(({ ready }) => ready).map(({ address }) => address);
    const notReadyAddresses = entries.filter(({ ready }) => !ready).map(({ address }) => address);
    return {
      ...(addresses.length > 0 ? { addresses } : {}),
      ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
      ...(ports.length > 0 ? { ports: ports.toSorted(comparePorts) } : {}),
    };
  });
};
