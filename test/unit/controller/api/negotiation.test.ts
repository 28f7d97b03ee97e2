import test from 'ava';
import { acceptsGzip, negotiateForm } from '../../../../controller/api/negotiation.ts';

test('the first form that is known wins', (t) => {
  t.is(negotiateForm(undefined), 'object');
  t.is(negotiateForm('application/json, */*'), 'object');
  t.is(negotiateForm('application/vnd.kubernetes.protobuf,application/json'), 'object');
  t.is(negotiateForm('application/json;as=Table;v=v1;g=meta.k8s.io,application/json'), 'table');
  t.is(negotiateForm('application/json;as=Table;v=v2;g=meta.k8s.io,application/json'), 'object');
  t.is(negotiateForm('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'), 'metadata');
  for (const accept of ['text/html', 'application/json;as=Other;v=v1;g=meta.k8s.io']) t.throws(() => negotiateForm(accept), { name: 'ApiError' });
});

test('compression is used by those who take it', (t) => {
  t.true(acceptsGzip('gzip'));
  t.true(acceptsGzip('br, gzip;q=0.5'));
  t.false(acceptsGzip('gzip;q=0'));
  t.false(acceptsGzip(undefined));
});
