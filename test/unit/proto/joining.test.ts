import test from 'ava';
import { joinBy, JoinFailure } from '../../../proto/joining.ts';
import { freePorts } from '../../fixtures/free-ports.ts';
import { joinServers } from '../../fixtures/join-server.ts';

const message = 'the join token has expired';

test('a machine joins by the first server that is there', async (t) => {
  const { token, start, authority } = await joinServers(t);
  const [away] = await freePorts(1);
  const ill = await start({ status: 503, body: { message: 'etcd is away' } });
  const there = await start({ status: 200, body: { given: true } });
  const spare = await start({ status: 200, body: {} });
  const { caPem, answer } = await joinBy({ controllerUrls: [`https://127.0.0.1:${away}`, ill.url, there.url, spare.url], token, path: '/join', body: {} });
  t.deepEqual({ caPem, answer }, { caPem: authority.certPem, answer: { given: true } });
  t.deepEqual([ill, there, spare].map(({ asked }) => asked), [['/join Bearer abcdef.0123456789abcdef'], ['/join Bearer abcdef.0123456789abcdef'], []]);
});

test('a server that refuses speaks for all, and where all are away each is named', async (t) => {
  const { token, start } = await joinServers(t);
  const [one, two] = await freePorts(2);
  const refusing = await start({ status: 401, body: { message } });
  const there = await start({ status: 200, body: {} });
  await t.throwsAsync(joinBy({ controllerUrls: [refusing.url, there.url], token, path: '/join', body: {} }), { instanceOf: JoinFailure, message: `cannot join by ${refusing.url}: ${message}` });
  t.deepEqual(there.asked, []);
  const error = await t.throwsAsync(joinBy({ controllerUrls: [`https://127.0.0.1:${one}`, `https://127.0.0.1:${two}`], token, path: '/join', body: {} }), { instanceOf: JoinFailure });
  t.regex(error.message, new RegExp(`${one}: .*ECONNREFUSED.*; .*${two}: .*ECONNREFUSED`));
  t.false(error.message.includes('0123456789abcdef'));
});

test('a server of another authority gets no token, and none after it is asked', async (t) => {
  const [own, foreign] = [await joinServers(t), await joinServers(t)];
  const stranger = await foreign.start({ status: 200, body: {} });
  const there = await own.start({ status: 200, body: {} });
  await t.throwsAsync(joinBy({ controllerUrls: [stranger.url, there.url], token: own.token, path: '/join', body: {} }), { instanceOf: JoinFailure, message: /nothing was sent to it/ });
  t.deepEqual([...stranger.asked, ...there.asked], []);
});
