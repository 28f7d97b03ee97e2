import test from 'ava';
import { deviceChanges, forwardingChanges, neighbourChanges, vxlanMac, vxlanRoutes } from '../../../../agent/network/vxlan.ts';
import { routeChanges } from '../../../../agent/network/routes.ts';

const settings = { nodeAddress: '10.0.0.10', podCidr: '10.244.1.0/24', mtu: 1_450 };
const peers = [{ name: 'b', address: '10.0.0.11', podCidr: '10.244.2.0/24' }];
const added = [
  'link add berth-vx address 0a:be:0a:00:00:0a mtu 1450 type vxlan id 98 local 10.0.0.10 dstport 4789 nolearning',
  'address add 10.244.1.0/32 dev berth-vx',
  'link set berth-vx up',
];

test('the device is made where it is missing or another, and left alone where it is right', (t) => {
  t.deepEqual(deviceChanges(undefined, settings), added);
  const right = {
    mtu: 1_450, address: '0a:be:0a:00:00:0a', linkinfo: { info_data: { id: 98, local: '10.0.0.10', port: 4_789 } }, addr_info: [{ family: 'inet', local: '10.244.1.0' }],
  };
  t.deepEqual(deviceChanges(right, settings), []);
  for (const wrong of [{ ...right, mtu: 1_500 }, { ...right, linkinfo: {} }, { ...right, addr_info: [] }]) {
    t.deepEqual(deviceChanges(wrong, settings), ['link del berth-vx', ...added]);
  }
});

test('a node is reached by a route, a neighbour and a forwarding entry, and none of them stays when it is gone', (t) => {
  t.is(vxlanMac('10.0.0.11'), '0a:be:0a:00:00:0b');
  t.deepEqual(routeChanges([], vxlanRoutes(peers)), ['route replace 10.244.2.0/24 via 10.244.2.0 dev berth-vx onlink proto 98']);
  t.deepEqual(neighbourChanges([], peers), ['neighbour replace 10.244.2.0 lladdr 0a:be:0a:00:00:0b dev berth-vx nud permanent']);
  t.deepEqual(forwardingChanges([], peers), ['fdb replace 0a:be:0a:00:00:0b dev berth-vx dst 10.0.0.11 self permanent']);

  const neighbours = [{ dst: '10.244.2.0', lladdr: '0a:be:0a:00:00:0b' }];
  const forwarding = [{ mac: '0a:be:0a:00:00:0b', dst: '10.0.0.11' }];
  t.deepEqual([...neighbourChanges(neighbours, peers), ...forwardingChanges(forwarding, peers)], []);
  t.deepEqual(neighbourChanges(neighbours, []), ['neighbour del 10.244.2.0 dev berth-vx']);
  t.deepEqual(forwardingChanges(forwarding, []), ['fdb del 0a:be:0a:00:00:0b dev berth-vx dst 10.0.0.11 self']);
});
