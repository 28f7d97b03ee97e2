/**
 * A host that passes on nothing that it does not know, as Docker and firewalls set it up, is told to pass what comes from pods and
 * goes to them. A rule of our own table could not: what is accepted there still meets iptables' policy.
 */
import { CommandFailed, run } from './command.ts';

const comment = 'berth-pods';

/** From what `iptables -S FORWARD` prints to the arguments of the runs that set it right. Pure. */
export const forwardChanges = (printed: string, podNetwork: string): readonly (readonly string[])[] => {
  const lines = printed.split('\n');
  const present = lines.filter((line) => line.includes(`--comment ${comment} `));
  const wanted = lines.includes('-P FORWARD DROP') ? ['-s', '-d'].map((side) => `-A FORWARD ${side} ${podNetwork} -m comment --comment ${comment} -j ACCEPT`) : [];
  return [
    ...present.filter((line) => !wanted.includes(line)).map((line) => ['-D', ...line.split(' ').slice(1)]),
    // The first to be looked at.
    ...wanted.filter((line) => !present.includes(line)).map((line) => ['-I', ...line.split(' ').slice(1)]),
  ];
};

/** Lets packets of pods pass where the host's policy is not to. Throws CommandFailed. */
export const allowForwarding = async (podNetwork: string): Promise<void> => {
  const printed = await run('iptables', ['-w', '-S', 'FORWARD']).catch((error: unknown) => {
    // A host without iptables has no such policy.
    if (error instanceof CommandFailed && error.cause !== undefined) return '';
    throw error;
  });
  for (const change of forwardChanges(printed, podNetwork)) await run('iptables', ['-w', ...change]);
};
