import test from 'ava';
import { flagsOf } from '../../../cli/command-flags.ts';
import { builder as attachBuilder } from '../../../cli/commands/attach.ts';
import { builder as execBuilder } from '../../../cli/commands/exec.ts';

test('attach and exec take the same flags', (t) => {
  t.deepEqual(flagsOf(attachBuilder), flagsOf(execBuilder));
  t.true(flagsOf(execBuilder).some(({ names }) => names.includes('-c')));
});
