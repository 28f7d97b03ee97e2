import test from 'ava';
import { targetOf } from '../../../../controller/api/paths.ts';

const summary = (path: string): string => {
  const target = targetOf(path);
  if (!target) return 'nothing';
  if (target.type !== 'resource') return target.type;
  return [target.kind.kind, target.namespace, target.name, target.subresource].map((part) => part ?? '-').join(' ');
};

test('paths name collections, objects and subresources', (t) => {
  t.is(summary('/api/v1/pods'), 'Pod - - -');
  t.is(summary('/api/v1/namespaces/a/pods/b/log'), 'Pod a b log');
  t.is(summary('/apis/apps/v1/namespaces/a/deployments/b/scale'), 'Deployment a b scale');
  t.is(summary('/api/v1/nodes/n'), 'Node - n -');
  t.is(summary('/api/v1/namespaces/a'), 'Namespace - a -');
  t.is(summary('/api/v1/namespaces/a/status'), 'Namespace - a status');
  t.is(summary('/api/v1/namespaces/a/finalize/'), 'Namespace - a finalize');
});

test('paths name groups and versions', (t) => {
  t.is(summary('/api'), 'roots');
  t.is(summary('/apis/'), 'roots');
  t.is(summary('/apis/apps'), 'group');
  t.is(summary('/apis/apps/v1'), 'version');
  t.is(summary('/version'), 'other');
});

test('what is not served names nothing', (t) => {
  for (const path of ['/api/v2', '/apis/nope', '/apis/apps/v2/deployments', '/api/v1/deployments', '/api/v1/pods/a', '/api/v1/namespaces/a/nodes',
    '/api/v1/namespaces/../pods', '/api/v1/namespaces/%2e%2e/pods', '/api/v1/namespaces/a/pods/b%2fc', '/api/v1//pods', '/api/v1/namespaces/a/pods/b/nope']) {
    t.is(summary(path), 'nothing', path);
  }
});

test('malformed escapes are refused', (t) => {
  t.throws(() => targetOf('/api/v1/%zz'), { name: 'ApiError' });
  t.throws(() => targetOf('*'), { name: 'ApiError' });
});
