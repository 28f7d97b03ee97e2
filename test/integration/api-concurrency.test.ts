/** Many writers of one object: everything acknowledged is there. */
import test from 'ava';
import { ApiError } from '../../proto/errors.ts';
import { configMapKind } from '../../proto/kinds.ts';
import type { ConfigMap } from '../../proto/resources/kubernetes.ts';
import { configMapNamed } from '../fixtures/api-objects.ts';
import { startApi } from '../fixtures/api-server.ts';
import { sharedApi } from './conformance-server.ts';

const server = sharedApi(test, { emptied: true });

const configMaps = '/api/v1/namespaces/default/configmaps';
const headers = { 'content-type': 'application/merge-patch+json' };

test.serial('patches of different fields at the same time all hold', async (t) => {
  const { request } = server();
  await request('POST', configMaps, { body: configMapNamed('one', {}) });
  const keys = Array.from({ length: 6 }, (_, index) => `key-${index}`);
  const answers = await Promise.all(keys.map((key) => request('PATCH', `${configMaps}/one`, { headers, body: { data: { [key]: 'set' } } })));
  t.deepEqual(answers.map(({ status }) => status), keys.map(() => 200));
  t.deepEqual(Object.keys((await request('GET', `${configMaps}/one`)).json.data).toSorted(), keys);
});

test.serial('of replacements at the same revision one wins', async (t) => {
  const { request } = server();
  const { json } = await request('POST', configMaps, { body: configMapNamed('one') });
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map((key) => request('PUT', `${configMaps}/one`, { body: { ...json, data: { key } } })));
  t.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 409, 409, 409]);
});

test.serial('modify counts up without losing a step, and what it is not allowed to see it does not change', async (t) => {
  const { api, options, store } = server();
  await api.create(configMapKind, 'default', configMapNamed('count', { n: '0' }) as unknown as ConfigMap, options);
  const step = (present: ConfigMap): ConfigMap => ({ ...present, data: { n: String(Number(present.data?.['n']) + 1) } });
  await Promise.all(Array.from({ length: 6 }, () => api.modify<ConfigMap>(configMapKind, 'default/count', step, options)));
  t.is(store.reader.get<ConfigMap>(configMapKind, 'default/count')?.object.data?.['n'], '6');
  const { revision } = store.reader;
  await api.modify(configMapKind, 'default/count', () => undefined, options);
  t.is(store.reader.revision, revision);
});

test.serial('an extra route answers before anybody is known', async (t) => {
  const { request } = await startApi(t, {
    extraRoutes: [{
      method: 'POST',
      path: '/berth/v1/join',
      handler: ({ body }) => {
        if (body.length === 0) throw new ApiError('Unauthorized', 'the token is not valid');
        return Promise.resolve({ status: 200, body: { said: body.toString() } });
      },
    }],
  });
  t.deepEqual((await request('POST', '/berth/v1/join', { as: null, body: 'hello' })).json, { said: 'hello' });
  t.is((await request('POST', '/berth/v1/join', { as: null })).status, 401);
  t.is((await request('GET', '/berth/v1/join', { as: null })).status, 401);
});
