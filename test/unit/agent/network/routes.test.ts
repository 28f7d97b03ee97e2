import test from 'ava';
import { plainRoutes, routeChanges } from '../../../../agent/network/routes.ts';

const peers = [
  { name: 'a', address: '10.0.0.1', podCidr: '10.244.1.0/24' },
  { name: 'b', address: '10.0.0.2', podCidr: '10.244.2.0/24' },
];

test('only routes that differ are touched: new ones made, moved ones replaced, those of nodes that are gone removed', (t) => {
  const wanted = plainRoutes(peers);
  t.deepEqual(routeChanges([], wanted), ['route replace 10.244.1.0/24 via 10.0.0.1 proto 98', 'route replace 10.244.2.0/24 via 10.0.0.2 proto 98']);
  const present = [
    { dst: '10.244.1.0/24', gateway: '10.0.0.1', dev: 'eth0' },
    { dst: '10.244.2.0/24', gateway: '10.0.0.9', dev: 'eth0' },
    { dst: '10.244.3.0/24', gateway: '10.0.0.3', dev: 'eth0' },
  ];
  t.deepEqual(routeChanges(present, wanted), ['route del 10.244.3.0/24 proto 98', 'route replace 10.244.2.0/24 via 10.0.0.2 proto 98']);
  t.deepEqual(routeChanges(present.slice(0, 1), wanted.slice(0, 1)), []);
});
