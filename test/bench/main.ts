/** npm run bench -- NAME [--json]: one bench on a cluster of its own; root. Progress goes to standard error, the figures to standard output. */
import { startCluster } from '../fixtures/cluster.ts';
import { pushScript } from '../fixtures/cluster.ts';
import { benches, clusterOptions } from './benches.ts';

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const asJson = process.argv.includes('--json');
const name = names[0] ?? '';
const bench = benches[name];

if (!bench || names.length > 1) {
  process.stderr.write(`usage: npm run bench -- NAME [--json]\nNAME is one of: ${Object.keys(benches).join(', ')}\n`);
  process.exit(2);
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);
say('starting a cluster');
const cluster = await startCluster(clusterOptions[name]);
try {
  const image = await pushScript(cluster, 'bench:1', 'exec sleep 3600\n');
  say(`running ${name}`);
  const figures = { bench: name, ...(await bench({ cluster, image, say })) };
  if (asJson) process.stdout.write(`${JSON.stringify(figures)}\n`);
  else for (const [key, value] of Object.entries(figures)) process.stdout.write(`${key.padEnd(24)} ${value}\n`);
} finally {
  await cluster.stop();
}
