/** npm run chaos -- [--seed N] [--minutes M] [--json]: root. Progress goes to standard error, the summary to standard output; exit code 1 when a guarantee broke. */
import { parseArgs } from 'node:util';
import { shutdownSignal } from '../../proto/process/shutdown.ts';
import { chaos, freshSeed } from './chaos.ts';

const { values } = parseArgs({ options: { seed: { type: 'string' }, minutes: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } } });
const seed = values.seed === undefined ? freshSeed() : Number(values.seed);
const minutes = Number(values.minutes);

if (!Number.isSafeInteger(seed) || seed < 0 || !(minutes > 0)) {
  process.stderr.write('usage: npm run chaos -- [--seed N] [--minutes M] [--json]\n');
  process.exit(2);
}

const summary = await chaos({ seed, minutes, say: (text) => void process.stderr.write(`${text}\n`), signal: shutdownSignal() });
if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
else for (const [key, value] of Object.entries(summary)) process.stdout.write(`${key.padEnd(30)} ${typeof value === 'object' ? JSON.stringify(value) : value}\n`);
process.exit(summary.broken ? 1 : 0);
