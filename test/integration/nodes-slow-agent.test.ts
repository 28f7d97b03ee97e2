import { Client, credentials } from '@grpc/grpc-js';
import test from 'ava';
import { podKind } from '../../proto/kinds.ts';
import { nodeService, toJsonBytes } from '../../proto/node-service.ts';
import type { AgentFrame, ControllerFrame } from '../../proto/node-service.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { admin, Changes, identityFor, podOn, startPlane } from '../fixtures/node-cluster.ts';

test('an agent that does not read for a while is sent the latest of each pod afterwards, not every change', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const { caPem, keyPem, certPem } = await identityFor(plane, 'node-1');
  const client = new Client(`127.0.0.1:${plane.port}`, credentials.createSsl(Buffer.from(caPem), Buffer.from(keyPem), Buffer.from(certPem)));
  plane.onStop(() => client.close());
  const { path, requestSerialize, responseDeserialize } = nodeService.session;
  const stream = client.makeBidiStreamRequest<AgentFrame, ControllerFrame>(path, requestSerialize, responseDeserialize);
  stream.on('error', () => undefined);
  const latest = new Map<string, string>();
  const arrived = new Changes();
  let versions = 0;
  let welcomed = false;
  stream.on('data', (frame: ControllerFrame) => {
    if (frame.frame === 'welcome') {
      welcomed = true;
      stream.pause();
    }
    if (frame.frame === 'pods') {
      for (const bytes of frame.pods.pods) {
        const pod = JSON.parse(String(bytes)) as Pod;
        versions += 1;
        latest.set(pod.metadata.name ?? '', pod.metadata.labels?.['round'] ?? '');
      }
    }
    arrived.poke();
  });
  stream.write({ frame: 'hello', hello: { nodeName: 'node-1', agentVersion: '', node: toJsonBytes({}) } });
  await arrived.until(() => welcomed);

  const names = Array.from({ length: 10 }, (_, index) => `p${index}`);
  const annotations = { padding: 'x'.repeat(60_000) };
  await Promise.all(names.map((name) => plane.api.create(podKind, 'default', { ...podOn('node-1', name), metadata: { name, namespace: 'default', annotations } }, admin)));
  const rounds = 60;
  for (let round = 1; round <= rounds; round += 1) {
    const say = (present: Pod): Pod => ({ ...present, metadata: { ...present.metadata, labels: { round: String(round) } } });
    await Promise.all(names.map((name) => plane.api.modify<Pod>(podKind, `default/${name}`, say, admin)));
  }
  stream.resume();
  await arrived.until(() => names.every((name) => latest.get(name) === String(rounds)));
  t.log(`${versions} of ${names.length * (rounds + 1)} versions were sent`);
  t.true(versions < (names.length * rounds) / 1.5);
});
