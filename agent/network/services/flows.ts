/**
 * UDP has no end of a connection: what a client sends goes on to the endpoint that the kernel once chose, also when that is gone.
 * So the kernel is told to forget such flows: those of an endpoint that goes, and, when the table is made anew, those that began
 * with rules of which nothing is known, as an earlier agent's. Pure, but for `forgetFlows` and `presentFlows`.
 */
import { CommandFailed, run } from '../command.ts';
import type { Frontend } from './frontends.ts';

/** Packets of UDP to a frontend that were sent on to an endpoint. */
export interface Flow {
  /** Undefined: sent to a port of the node. */
  readonly address: string | undefined;
  readonly port: number;
  readonly endpointAddress: string;
}

const flowsOf = (frontends: readonly Frontend[]): Map<string, Flow> => {
  const flows = new Map<string, Flow>();
  for (const { protocol, address, port, endpoints, localEndpoints } of frontends) {
    if (protocol !== 'udp') continue;
    for (const endpoint of [...endpoints, ...localEndpoints]) {
      flows.set(`${address} ${port} ${endpoint.address}:${endpoint.port}`, { address, port, endpointAddress: endpoint.address });
    }
  }
  return flows;
};

/** Those whose endpoint serves the frontend no more. */
export const flowsThatEnd = (before: readonly Frontend[], now: readonly Frontend[]): readonly Flow[] => {
  const gone = flowsOf(before);
  if (gone.size === 0) return [];
  for (const key of flowsOf(now).keys()) gone.delete(key);
  return [...gone.values()];
};

/** A flow as the kernel has it. */
export interface PresentFlow {
  /** Where the client sends to. */
  readonly address: string;
  readonly port: number;
  /** Who answers. */
  readonly endpointAddress: string;
  readonly endpointPort: number;
}

/** From what `conntrack -L` prints: each line has the addresses of both directions. */
export const flowsIn = (printed: string): readonly PresentFlow[] =>
  printed.split('\n').flatMap((line) => {
    const of = (field: string): string[] => [...line.matchAll(new RegExp(`\\b${field}=(\\S+)`, 'g'))].map(([, value = '']) => value);
    const [[, endpointAddress], [address], [, endpointPort], [port]] = [of('src'), of('dst'), of('sport'), of('dport')];
    return address && endpointAddress && port && endpointPort ? [{ address, port: Number(port), endpointAddress, endpointPort: Number(endpointPort) }] : [];
  });

/** Flows to the frontends that go on to somebody who does not serve them. */
export const strayFlows = (present: readonly PresentFlow[], frontends: readonly Frontend[]): readonly Flow[] => {
  const served = flowsOf(frontends);
  const places = new Set(frontends.filter(({ protocol }) => protocol === 'udp').map(({ address, port }) => `${address} ${port}`));
  const stray = new Map<string, Flow>();
  for (const { address: sentTo, port, endpointAddress, endpointPort } of present) {
    // A frontend without an address is a node port: it is there at each address of the node.
    const address = places.has(`${sentTo} ${port}`) ? sentTo : undefined;
    const place = `${address} ${port}`;
    if (places.has(place) && !served.has(`${place} ${endpointAddress}:${endpointPort}`)) stray.set(`${place} ${endpointAddress}`, { address, port, endpointAddress });
  }
  return [...stray.values()];
};

/** The arguments of `conntrack` that list what was sent on by UDP. */
export const listArguments: readonly string[] = ['-L', '-p', 'udp', '--dst-nat'];

/** Rejects with CommandFailed when `conntrack` is missing. */
export const presentFlows = async (): Promise<readonly PresentFlow[]> => flowsIn(await run('conntrack', listArguments));

/** The arguments of `conntrack` that make the kernel forget the flow. */
export const forgetArguments = ({ address, port, endpointAddress }: Flow): readonly string[] => [
  '-D', '-p', 'udp', ...(address === undefined ? [] : ['--orig-dst', address]), '--orig-port-dst', String(port), '--dst-nat', endpointAddress,
];

/** Rejects with CommandFailed when `conntrack` is missing. */
export const forgetFlows = async (flows: readonly Flow[]): Promise<void> => {
  for (const flow of flows) {
    await run('conntrack', forgetArguments(flow)).catch((error: unknown) => {
      // It ends with 1 where there was no such flow.
      if (!(error instanceof CommandFailed) || error.cause !== undefined) throw error;
    });
  }
};
