import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { run, type UpArguments } from '../../../cli/commands/up.ts';
import { UsageError } from '../../../cli/errors.ts';
import type { Program } from '../../../cli/program.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'berth-up-'));
test.after.always(() => rmSync(dataDir, { recursive: true }));

/** The arguments are checked, and nothing is started. */
const check = async (networks: Pick<UpArguments, 'machineNetwork' | 'podNetwork'>): Promise<string> => {
  let printed = '';
  const program = { stdout: { write: (text: string) => void (printed += text) } } as unknown as Program;
  await run({ dataDir: join(dataDir, 'new'), print: 'registry', ...networks }, program);
  return printed;
};

test('ranges that overlap, and such as are none, are told before anything is made', async (t) => {
  t.is(await check({}), 'localhost:5000\n');
  t.is(await check({ machineNetwork: '192.168.7', podNetwork: '172.20.0.0/14' }), 'localhost:5000\n');
  const refused: readonly (readonly [Parameters<typeof check>[0], RegExp])[] = [
    [{ machineNetwork: '10.244.7' }, /--machine-network overlaps that of pods/],
    [{ machineNetwork: '10.96.0' }, /--machine-network overlaps that of services/],
    [{ podNetwork: '10.96.128.0/20' }, /--pod-network overlaps that of services/],
    [{ podNetwork: '10.0.0.0/8' }, /overlaps/],
    [{ podNetwork: '10.300.0.0/16' }, /must be a range from \/8 to \/24/],
    [{ podNetwork: '10.1.0.0/25' }, /must be a range from \/8 to \/24/],
    [{ machineNetwork: '10.89' }, /three octets/],
  ];
  for (const [networks, message] of refused) await t.throwsAsync(check(networks), { instanceOf: UsageError, message });
});
