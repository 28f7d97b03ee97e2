import test from 'ava';
import yargs from 'yargs';
import { flagsOf, settledArguments } from '../../../cli/command-flags.ts';
import { builder as deleteBuilder } from '../../../cli/commands/delete.ts';
import { builder as logsBuilder } from '../../../cli/commands/logs.ts';
import { UsageError } from '../../../cli/errors.ts';

const parse = (builder: typeof deleteBuilder, ...words: string[]): Readonly<Record<string, unknown>> =>
  settledArguments(builder(yargs(words)).parserConfiguration({ 'greedy-arrays': false }).parseSync(), flagsOf(builder));

test('of a flag that is given twice the last one counts, unless it takes several', (t) => {
  t.like(parse(deleteBuilder, '-n', 'a', '--namespace', 'b', '--grace-period', '1', '--grace-period', '2', '--now', '--no-now', '-f', 'x', '-f', 'y'), {
    namespace: 'b', gracePeriod: 2, now: false, filename: ['x', 'y'],
  });
  t.like(parse(logsBuilder, '--since-time', 'x', '--since-time=y', '-f'), { sinceTime: 'y', follow: true });
});

test('a number that is none is wrong usage', (t) => {
  t.throws(() => parse(deleteBuilder, '--grace-period', 'soon'), { instanceOf: UsageError, message: 'the flag "--grace-period" needs a number' });
  t.is(parse(deleteBuilder)['gracePeriod'], undefined);
});
