/** The subresource log: the words for what cannot be, and the stream of what is. */
import test from 'ava';
import type { LogRequest, Tunnels } from '../../controller/nodes/tunnels.ts';
import { badRequest, unavailable } from '../../proto/errors.ts';
import { podNamed } from '../fixtures/api-objects.ts';
import { type ApiFixture, noTunnels } from '../fixtures/api-server.ts';
import { startWatch } from '../fixtures/watch-lines.ts';
import { sharedApi } from './conformance-server.ts';

/** What the node of the present test answers. */
let onNode: Tunnels['log'] = () => Promise.reject(unavailable('the node is not connected'));

const server = sharedApi(test, { emptied: true, tunnels: { ...noTunnels, log: (request, signal) => onNode(request, signal) } });

const path = '/api/v1/namespaces/default/pods/one';

const withPod = async (fixture: ApiFixture, state: object, lastState: object = {}): Promise<void> => {
  const { request, api, options } = fixture;
  await request('POST', '/api/v1/namespaces/default/pods', { body: podNamed('one') });
  await api.bind('default', 'one', '', 'node-1', options);
  const status = { containerStatuses: [{ name: 'main', image: 'x', imageID: '', ready: false, restartCount: 0, state, lastState }] };
  const patched = await request('PATCH', `${path}/status`, { body: { status }, headers: { 'content-type': 'application/merge-patch+json' } });
  if (patched.status !== 200) throw new Error(patched.text);
};

test.serial('the log comes as text, with what was asked for', async (t) => {
  const asked: LogRequest[] = [];
  onNode = (request) => {
    asked.push(request);
    return Promise.resolve((async function* lines() {
      yield Buffer.from('first\n');
      yield Buffer.from('second\n');
    })());
  };
  const fixture = server();
  await withPod(fixture, { running: {} });
  const answer = await fixture.request('GET', `${path}/log?tailLines=2&timestamps=true`);
  t.is(answer.text, 'first\nsecond\n');
  t.is(answer.headers['content-type'], 'text/plain');
  t.like(asked[0], { nodeName: 'node-1', podName: 'one', container: 'main', tailLines: 2, timestamps: true, follow: false });
  const refused: [string, number][] = [['container=other', 400], ['tailLines=-1', 400], ['sinceTime=x', 400], ['previous=true', 400], ['limitBytes=0', 400]];
  for (const [query, status] of refused) t.is((await fixture.request('GET', `${path}/log?${query}`)).status, status, query);
});

test.serial('a followed log lasts until its reader leaves', async (t) => {
  const { promise: left, resolve } = Promise.withResolvers<void>();
  onNode = (_request, signal) =>
    Promise.resolve((async function* lines() {
      yield Buffer.from('{"type":"line","object":{}}\n');
      await new Promise((done) => signal.addEventListener('abort', done));
      resolve();
    })());
  const fixture = server();
  await withPod(fixture, { running: {} });
  const stream = await startWatch(fixture, `${path}/log?follow=true`);
  t.is((await stream.next())?.type, 'line');
  stream.close();
  await left;
  t.pass();
});

test.serial('a container that waits has no log, and says why', async (t) => {
  const fixture = server();
  await withPod(fixture, { waiting: { reason: 'ContainerCreating' } });
  const answer = await fixture.request('GET', `${path}/log`);
  t.is(answer.status, 400);
  t.is(answer.json.message, 'container "main" in pod "one" is waiting to start: ContainerCreating');
  const previous = await fixture.request('GET', `${path}/log?previous=true`);
  t.is(previous.json.message, 'previous terminated container "main" in pod "one" not found');
});

test.serial('what the node objects to becomes a Status', async (t) => {
  onNode = () => Promise.reject(badRequest('no such log'));
  const fixture = server();
  await withPod(fixture, { running: {} });
  const answer = await fixture.request('GET', `${path}/log`);
  t.like(answer.json, { kind: 'Status', code: 400, message: 'no such log' });
});
