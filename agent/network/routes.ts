/**
 * Routes to the pods of the other nodes. Berth's carry a number of their own in the kernel's table, so that none but them is
 * ever looked at, changed or removed. Pure.
 */
import type { Peer } from './network-state.ts';

/** The "protocol" of Berth's routes: who made them. Free in iproute2's list. */
export const routeProtocol = '98';

/** As `ip -j route` prints it. */
export interface Route {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
}

/** On one network a node's pods are reached by its address. */
export const plainRoutes = (peers: Iterable<Peer>): Route[] => [...peers].map(({ podCidr, address }) => ({ dst: podCidr, gateway: address }));

const isSame = (present: Route | undefined, wanted: Route): boolean =>
  present?.gateway === wanted.gateway && (wanted.dev === undefined || present?.dev === wanted.dev);

/** Lines for `ip -batch` that make the present routes into those wanted; what is right is left alone. */
export const routeChanges = (present: readonly Route[], wanted: readonly Route[]): string[] => {
  const held = new Map(present.map((route) => [route.dst, route]));
  const kept = new Set(wanted.map(({ dst }) => dst));
  const gone = present.filter(({ dst }) => !kept.has(dst)).map(({ dst }) => `route del ${dst} proto ${routeProtocol}`);
  const put = wanted
    .filter((route) => !isSame(held.get(route.dst), route))
    // On a device of its own the gateway is not on any network that the kernel knows.
    .map(({ dst, gateway, dev }) => `route replace ${dst} via ${gateway}${dev ? ` dev ${dev} onlink` : ''} proto ${routeProtocol}`);
  return [...gone, ...put];
};
