/** What the host's kernel must do for pods: pass packets on, and show those between pods of one bridge to the rules of services. */
import { writeFile } from 'node:fs/promises';
import { run } from './command.ts';

const forwardingFile = '/proc/sys/net/ipv4/ip_forward';
const bridgeFile = '/proc/sys/net/bridge/bridge-nf-call-iptables';

/** Resolves to whether packets between pods of one bridge pass the rules; without it they cannot reach each other through a service. */
export const enableForwarding = async (): Promise<boolean> => {
  await writeFile(forwardingFile, '1');
  const seen = (): Promise<boolean> => writeFile(bridgeFile, '1').then(() => true, () => false);
  if (await seen()) return true;
  await run('modprobe', ['br_netfilter']).catch(() => undefined);
  return await seen();
};
