/**
 * What pods send beyond their node's subnet leaves with the node's address. One rule for all of them: a rule per pod
 * would take a dozen runs of iptables for each, and stays behind when a pod's network goes before the plugin could undo it.
 */
import { spawn } from 'node:child_process';

const table = 'berth_masquerade';

/** The first two lines make it the same whether the table is there or not. Multicast is left alone: nobody answers to it. */
export const masqueradeRules = (podCidr: string): string => `table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority 110; policy accept;
    ip saddr ${podCidr} ip daddr != { ${podCidr}, 224.0.0.0/4 } masquerade
  }
}
`;

/** Puts rules into the kernel in one transaction. Rejects with nft's own words. */
export const applyRules = (rules: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let words = '';
    child.stderr.on('data', (chunk: Buffer) => {
      words += String(chunk);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`nft ended with ${code}: ${words.trim()}`));
    });
    // Where it ends before it has read everything, its words say why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(rules);
  });
