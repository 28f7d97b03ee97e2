import test from 'ava';
import { labelsOf, nodeStatusOf } from '../../../../controller/nodes/registration.ts';

test('an agent sets the labels that say what it is, and no others', (t) => {
  t.deepEqual(labelsOf({ 'kubernetes.io/hostname': 'n', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'node-role.kubernetes.io/control-plane': '' }), {
    'kubernetes.io/hostname': 'n', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'beta.kubernetes.io/os': 'linux', 'beta.kubernetes.io/arch': 'amd64',
  });
});

test('a condition that says what it said keeps its times, one that turned gets new ones, one of others stays', (t) => {
  const old = '2026-01-01T00:00:00Z';
  const present = { conditions: [
    { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message: 'm', lastTransitionTime: old, lastHeartbeatTime: old },
    { type: 'DiskPressure', status: 'False', reason: 'r', message: 'm', lastTransitionTime: old, lastHeartbeatTime: old },
    { type: 'NetworkUnavailable', status: 'False', lastTransitionTime: old },
  ] };
  const status = nodeStatusOf(present, { conditions: [{ type: 'DiskPressure', status: 'False', reason: 'r', message: 'm' }, { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'm' }] }, Date.parse('2026-02-02T00:00:00Z'));
  t.deepEqual(status.conditions?.map(({ type, status: value, lastTransitionTime }) => `${type} ${value} ${lastTransitionTime}`), [
    `NetworkUnavailable False ${old}`, `DiskPressure False ${old}`, 'Ready True 2026-02-02T00:00:00Z',
  ]);
  t.deepEqual(nodeStatusOf(status, { conditions: status.conditions?.slice(1) ?? [] }, Date.parse('2026-03-03T00:00:00Z')), status, 'what says nothing new changes nothing');
});
