import test from 'ava';
import {
  asPrefix, dataKey, environmentName, label1035Name, labelName, labelValue, type NameRule, portName, qualifiedName, subdomainName,
} from '../../../../proto/resources/names.ts';

const rows: [string, NameRule, string[], string[]][] = [
  ['subdomain', subdomainName, ['a', 'a.b-c.d1', 'a'.repeat(253)], ['', 'A', '-a', 'a-', 'a..b', 'a_b', 'a'.repeat(254), 'ä']],
  ['label', labelName, ['a', '1a-b', 'a'.repeat(63)], ['', 'a.b', 'A', 'a'.repeat(64), 'a-']],
  ['1035 label', label1035Name, ['a1', 'web-2'], ['1a', '', 'a.b', '-a']],
  ['prefix', asPrefix(labelName), ['web-', 'web'], ['Web-', '-']],
  ['qualified name', qualifiedName, ['app', 'example.com/App_1.x'], ['', '/a', 'a/', 'a/b/c', 'Example.com/a', '-a', 'a'.repeat(64)]],
  ['label value', labelValue, ['', 'a', 'A_b.c-1'], ['-a', 'a-', 'a b', 'a'.repeat(64), 'a/b']],
  ['environment', environmentName, ['A', 'a.b-c', '1 2'], ['', 'a=b', 'ü']],
  ['data key', dataKey, ['a.conf', '_A-1', '.hidden'], ['', 'a/b', '.', '..', '..a', 'a b']],
  ['port name', portName, ['http', 'a-1'], ['', '80', 'HTTP', 'a--b', '-a', 'a'.repeat(16)]],
];

for (const [title, rule, good, bad] of rows) {
  test(`the rule for a ${title} accepts and refuses`, (t) => {
    for (const name of good) t.deepEqual(rule(name), [], name);
    for (const name of bad) t.true(rule(name).length > 0, name);
  });
}
