import test from 'ava';
import { masqueradeRules } from '../../../../agent/network/masquerade.ts';

test('what pods send beyond their network is masqueraded, however often it is asked for', (t) => {
  const rules = masqueradeRules('10.1.2.0/24', '10.1.0.0/16');
  t.regex(rules, /ip saddr 10\.1\.2\.0\/24 ip daddr != \{ 10\.1\.0\.0\/16, 224\.0\.0\.0\/4 \} masquerade/);
  const [create, remove] = rules.split('\n');
  t.is(remove, `delete ${create}`);
});
