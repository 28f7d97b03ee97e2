import test from 'ava';
import { Metrics } from '../../../controller/metrics.ts';

test('counters, histograms and gauges are told in Prometheus\' text form', (t) => {
  const metrics = new Metrics();
  const requests = metrics.counter('requests_total', 'Requests.');
  requests.add({ verb: 'get' });
  requests.add({ verb: 'get' }, 2);
  requests.add({ verb: 'a"b\n' });
  const durations = metrics.histogram('seconds', 'Durations.', [0.1, 1]);
  for (const value of [0.05, 0.5, 5]) durations.observe({}, value);
  metrics.gauge('size', 'Size.', () => 7);
  t.is(
    metrics.text(),
    [
      '# HELP requests_total Requests.', '# TYPE requests_total counter', 'requests_total{verb="get"} 3', 'requests_total{verb="a\\"b\\n"} 1',
      '# HELP seconds Durations.', '# TYPE seconds histogram', 'seconds_bucket{le="0.1"} 1', 'seconds_bucket{le="1"} 2',
      'seconds_bucket{le="+Inf"} 3', 'seconds_sum 5.55', 'seconds_count 3', '# HELP size Size.', '# TYPE size gauge', 'size 7', '',
    ].join('\n'),
  );
});
