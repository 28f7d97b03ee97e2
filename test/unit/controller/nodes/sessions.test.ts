/** Which calls become sessions; whole ones are in integration/nodes-session. */
import { EventEmitter } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { NodeSessions } from '../../../../controller/nodes/sessions.ts';
import type { SessionParts, SessionStream } from '../../../../controller/nodes/session.ts';
import { Stillness } from '../../../../controller/stillness.ts';
import { type AgentFrame, toJsonBytes } from '../../../../proto/node-service.ts';
import { silentLog as log } from '../../../../proto/process/log.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

/** A call with the certificate of node `n`, and the codes that it was refused with. */
class TestCall extends EventEmitter {
  readonly refusals: number[] = [];

  constructor() {
    super();
    this.on('error', ({ code }: { code: number }) => this.refusals.push(code));
  }

  getAuthContext(): object {
    return { sslPeerCertificate: { subject: { CN: 'system:node:n', O: 'system:nodes' } } };
  }

  write(): boolean {
    return true;
  }

  send(frame: AgentFrame): void {
    this.emit('data', frame);
  }
}

const hello = (nodeName = 'n'): AgentFrame => ({ frame: 'hello', hello: { nodeName, agentVersion: '1', node: toJsonBytes({}), isEnding: false } });

const start = (t: ExecutionContext): { sessions: NodeSessions; call: TestCall } => {
  const clock = new ManualClock();
  const kv = new MemoryKv();
  // No further than to the lease.
  kv.setAvailable(false);
  const stillness = new Stillness(clock);
  const sessions = new NodeSessions({ kv, clock, log, stillness } as unknown as SessionParts);
  t.teardown(() => sessions.close());
  const call = new TestCall();
  sessions.accept(call as unknown as SessionStream);
  return { sessions, call };
};

test('a call that was refused becomes no session, whatever comes behind', (t) => {
  for (const first of [{ frame: 'heartbeat', heartbeat: {} } as const, hello('other')]) {
    const { sessions, call } = start(t);
    call.send(first);
    t.is(call.refusals.length, 1);
    call.send(hello());
    t.false(sessions.holds('n'), first.frame);
    t.is(call.refusals.length, 1);
  }
});

test('a call that says Hello when the controller has begun to end is refused, and kept waiting for by nobody', async (t) => {
  const { sessions, call } = start(t);
  await sessions.handOver();
  call.send(hello());
  t.is(call.refusals.length, 1);
  t.false(sessions.holds('n'));
});
