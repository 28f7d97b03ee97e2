import test from 'ava';
import { UsageError } from '../../../cli/errors.ts';
import { evaluatePath, evaluateTemplate, JsonPathError } from '../../../cli/jsonpath.ts';

const list = {
  kind: 'List',
  items: [
    { metadata: { name: 'a', labels: { 'app.kubernetes.io/name': 'web' } }, status: { podIP: '10.0.0.1', restarts: 3, conditions: [{ type: 'Ready', status: 'True' }] } },
    { metadata: { name: 'b', labels: {} }, status: { restarts: 0, ready: false, conditions: [{ type: 'Ready', status: 'False' }, { type: 'PodScheduled', status: 'True' }] } },
  ],
};

const forms: Readonly<Record<string, string>> = {
  '{.kind}': 'List',
  '{kind}': 'List',
  '{$.kind}': 'List',
  'kind: {.kind}!': 'kind: List!',
  '{.items[0].metadata.name}': 'a',
  '{.items[-1].metadata.name}': 'b',
  '{.items[0,1].metadata.name}': 'a b',
  '{.items[0:1].metadata.name}': 'a',
  '{.items[1:].metadata.name}': 'b',
  '{.items[*].metadata.name}': 'a b',
  '{.items[*].status.podIP}': '10.0.0.1',
  "{.items[0].metadata.labels['app.kubernetes.io/name']}": 'web',
  '{.items[0].metadata.labels.app\\.kubernetes\\.io/name}': 'web',
  '{.items[?(@.metadata.name=="b")].status.restarts}': '0',
  '{.items[?(@.status.restarts>2)].metadata.name}': 'a',
  '{.items[?(@.status.podIP)].metadata.name}': 'a',
  "{.items[*].status.conditions[?(@.type=='Ready')].status}": 'True False',
  '{range .items[*]}{.metadata.name}{"\\t"}{.status.podIP}{"\\n"}{end}': 'a\t10.0.0.1\nb\t\n',
  '{range .items[*]}{$.kind}{range .status.conditions[*]} {.type}{end};{end}': 'List Ready;List Ready PodScheduled;',
  '{..podIP}': '10.0.0.1',
  '{.items[1].status.conditions[0]}': '{"type":"Ready","status":"False"}',
  '{.items[1].status.ready}': 'false',
  '{.nothing.at.all}': '',
  '{"}"}': '}',
  'no braces': 'no braces',
};

for (const [template, text] of Object.entries(forms)) {
  test(`the template ${template} gives what kubectl gives`, (t) => t.is(evaluateTemplate(template, list), text));
}

for (const template of ['{.a', '{end}', '{range .items[*]}', '{.a[}', '{.a[?(@.b==)]}', '{.a b}', '{[}']) {
  test(`the template ${template} is refused as wrong usage`, (t) => {
    t.throws(() => evaluateTemplate(template, list), { instanceOf: UsageError });
  });
}

test('an index beyond the list is an error, as scripts expect', (t) => {
  t.throws(() => evaluateTemplate('{.items[7].metadata.name}', list), { instanceOf: JsonPathError });
});

test('a path may stand without braces', (t) => {
  t.deepEqual(evaluatePath('.items[*].metadata.name', list), ['a', 'b']);
  t.deepEqual(evaluatePath('{.kind}', list), ['List']);
});
