import test from 'ava';
import { scaleOf, validateScale, withScale } from '../../../../proto/resources/scale.ts';
import { brief, deployment } from './rules.ts';

test('a scale shows the replicas and the selector as text, and sets the replicas only', (t) => {
  const web = { ...deployment(), status: { replicas: 2 } };
  const scale = scaleOf(web);
  t.deepEqual(scale.spec, { replicas: 0 });
  t.deepEqual(scale.status, { replicas: 2, selector: 'app=web' });
  const scaled = withScale(web, { ...scale, spec: { replicas: 5 } });
  t.deepEqual(scaled, { ...web, spec: { ...web.spec, replicas: 5 } });
  t.deepEqual(validateScale(scale), []);
  t.deepEqual(brief(validateScale({ ...scale, spec: { replicas: -1 } })), ['spec.replicas Invalid']);
});
