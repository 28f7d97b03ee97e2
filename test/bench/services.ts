/** Very many services on a node: until the kernel has all of them, one more change, and what a packet notices of them. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { hostEnvironment } from '../../cli/local/command.ts';
import { agentScript } from '../../cli/local/services.ts';
import { startServiceNetwork } from '../fixtures/service-lab.ts';
import type { BenchContext, Figures } from './benches.ts';
import { quiet } from './quiet.ts';
import type { ServicesFigures } from './services-node.ts';
import { rounded } from './statistics.ts';

const program = fileURLToPath(new URL('services-node.ts', import.meta.url));

export const services = async ({ say }: BenchContext): Promise<Figures> => {
  const teardowns: (() => unknown)[] = [];
  try {
    const { node } = await startServiceNetwork({ teardown: (step) => void teardowns.unshift(step) });
    if (!(await quiet())) say('the machine does not become quiet; the figures mean little');
    // In the node's network and as the agent is run, so that nothing but its own work is measured.
    const { stdout } = await promisify(execFile)('nsenter', [`--net=/run/netns/${node.name}`, process.execPath, ...agentScript.flags, program], { env: hostEnvironment(process.env) });
    const { fullSyncMs, changeMs, fullSyncCpuMs, changeCpuMs, firstMs, lastMs, rssMb } = JSON.parse(stdout) as ServicesFigures;
    return {
      full_sync_seconds: rounded(fullSyncMs / 1000, 2), change_one_ms: rounded(changeMs),
      full_sync_cpu_seconds: rounded(fullSyncCpuMs / 1000, 2), change_one_cpu_ms: rounded(changeCpuMs), first_service_ms: rounded(firstMs, 3), last_service_ms: rounded(lastMs, 3),
      first_packet_ratio: rounded(lastMs / firstMs, 2), rss_mb: rounded(rssMb), holds: fullSyncMs <= 3_000 && changeMs <= 50 && lastMs / firstMs <= 1.2,
    };
  } finally {
    for (const step of teardowns) step();
  }
};
