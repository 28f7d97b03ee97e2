/**
 * The DNS service's address as one of the node's own. It goes onto `lo`, which every node has, with a label by which it is found again;
 * scope host keeps it from ever being the source of other packets.
 */
import { run, rows } from '../network/command.ts';

const label = 'lo:berth';

interface LinkRow {
  /** Those without the label are in it too, without anything. */
  readonly addr_info?: readonly { readonly local?: string }[];
}

/** Throws CommandFailed. */
export const claimDnsAddress = async (address: string): Promise<void> => {
  const links = await rows<LinkRow>('ip', '-4', 'address', 'show', 'dev', 'lo', 'label', label);
  const before = links.flatMap(({ addr_info: infos = [] }) => infos.flatMap(({ local }) => local ?? []));
  // The address of other settings.
  for (const other of before.filter((one) => one !== address)) await run('ip', ['address', 'delete', `${other}/32`, 'dev', 'lo']);
  await run('ip', ['address', 'replace', `${address}/32`, 'dev', 'lo', 'scope', 'host', 'label', label]);
};
