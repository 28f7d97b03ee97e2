import test from 'ava';
import { nodeService } from '../../../proto/node-service.ts';
import type { AgentFrame, ControllerFrame } from '../../../proto/node-service.ts';

const { session, tunnel } = nodeService;

test('every frame arrives as it was sent, and says which it is', (t) => {
  const up: AgentFrame[] = [
    { frame: 'hello', hello: { nodeName: 'n', agentVersion: '1', node: Buffer.from('{}') } },
    { frame: 'pods', pods: { reports: [{ uid: 'u', namespace: 'ns', name: 'p', sequence: 4_000_000_000, status: Buffer.from('{"phase":"Running"}'), gone: true }] } },
    { frame: 'heartbeat', heartbeat: {} },
  ];
  for (const frame of up) {
    const arrived = session.requestDeserialize(session.requestSerialize(frame));
    t.is(arrived.frame, frame.frame);
    t.deepEqual(session.requestSerialize(arrived), session.requestSerialize(frame));
  }
  const down: ControllerFrame = { frame: 'objects', objects: { complete: true, objects: [Buffer.from('{}')], removed: [{ kind: 'Secret', namespace: 'ns', name: 's' }] } };
  const arrived = session.responseDeserialize(session.responseSerialize(down));
  t.true(arrived.frame === 'objects' && arrived.objects.complete && arrived.objects.removed[0]?.name === 's');
});

test('fields that were not set read as empty, not as missing', (t) => {
  const arrived = session.responseDeserialize(session.responseSerialize({ frame: 'pods', pods: { complete: false, pods: [], removedUids: [] } }));
  t.true(arrived.frame === 'pods' && arrived.pods.pods.length === 0 && arrived.pods.removedUids.length === 0 && !arrived.pods.complete);
});

test('what is no frame is refused', (t) => {
  t.throws(() => tunnel.requestDeserialize(Buffer.from([0x0f])));
});
