/**
 * What pods send beyond the pod network leaves with the node's address. One rule for all of them: a rule per pod
 * would take a dozen runs of iptables for each, and stays behind when a pod's network goes before the plugin could undo it.
 */
import { run } from './command.ts';

const table = 'berth_masquerade';

/**
 * Pods of any node see each other's own addresses. The first two lines make it the same whether the table is there or not. Multicast is
 * left alone: nobody answers to it.
 */
export const masqueradeRules = (podCidr: string, podNetwork: string): string => `table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority 110; policy accept;
    ip saddr ${podCidr} ip daddr != { ${podNetwork}, 224.0.0.0/4 } masquerade
  }
}
`;

/** nft takes 100 MB for the rules of 10,000 services: huge pages halve its time. */
export const hugePages = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };

/** Puts rules into the kernel in one transaction. Throws CommandFailed with nft's own words. */
export const applyRules = async (rules: string): Promise<void> => {
  await run('nft', ['-f', '-'], rules, hugePages);
};
