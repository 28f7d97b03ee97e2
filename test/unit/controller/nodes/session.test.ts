/** What one session does by itself; whole ones are in integration/nodes-session. */
import test from 'ava';
import type { Verbs } from '../../../../controller/api/verbs.ts';
import { NodeSession, type SessionParts, type SessionStream } from '../../../../controller/nodes/session.ts';
import { ApiError, type Reason } from '../../../../proto/errors.ts';
import { toJsonBytes } from '../../../../proto/node-service.ts';
import { silentLog as log } from '../../../../proto/process/log.ts';
import { ManualClock, settle } from '../../../fixtures/manual-clock.ts';

/** A session, the failures that its next writes of the node's status meet, and how many there were. */
const sessionWith = (failures: Reason[], late = Promise.resolve()) => {
  const clock = new ManualClock();
  const written: string[] = [];
  const modify = async (_kind: unknown, _key: string, change: (present: object) => { status: { phase: string } } | undefined): Promise<void> => {
    const reason = failures.shift();
    if (reason) throw new ApiError(reason, 'not now');
    await late;
    const changed = change({ metadata: {} });
    if (changed) written.push(changed.status.phase);
  };
  const stream = { on: () => undefined, write: () => true } as unknown as SessionStream;
  const session = new NodeSession('n', stream, { verbs: { modify } as unknown as Verbs, clock, log } as unknown as SessionParts, () => undefined);
  const report = (phase: string): void => session.take({ frame: 'node', node: { status: toJsonBytes({ phase }) } });
  return { clock, report, session, written };
};

for (const reason of ['Conflict', 'ServiceUnavailable', 'Timeout', 'TooManyRequests'] as const) {
  test(`a node’s status is written again after ${reason}, since it is reported only when it changes`, async (t) => {
    const { clock, report, written } = sessionWith([reason, reason]);
    report('a');
    await settle();
    await clock.advance(60_000);
    t.deepEqual(written, ['a']);
  });
}

test('a status that is refused does not keep the next one from being written', async (t) => {
  const { report, written } = sessionWith(['Invalid']);
  report('a');
  report('b');
  await settle();
  t.deepEqual(written, ['b']);
});

test('a session that has ended writes nothing over what the next one knows', async (t) => {
  const late = Promise.withResolvers<void>();
  const { report, session, written } = sessionWith([], late.promise);
  report('old');
  session.end('the agent has moved');
  late.resolve();
  await settle();
  t.deepEqual(written, []);
});
