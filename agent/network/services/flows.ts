/**
 * UDP has no end of a connection: what a client sends goes on to the endpoint that the kernel once chose, also when that is gone.
 * So the kernel is told to forget such flows. Pure, but for `forgetFlows`.
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
