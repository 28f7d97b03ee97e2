/** etcd's own part of a backup: a snapshot taken from a member, and the folders of new members made from one. */
import { rmSync } from 'node:fs';
import { command, CommandFailed } from '../local/command.ts';

/** Where etcd is and how it is spoken to. */
export interface EtcdAccess {
  readonly endpoints: readonly string[];
  /** Files. */
  readonly tls?: { readonly authority: string; readonly certificate: string; readonly key: string } | undefined;
}

/** No member could give a snapshot; the message says what each said. */
export class NoSnapshot extends Error {
  override readonly name = 'NoSnapshot';
}

/** etcdctl without whatever its variables in the environment would change. */
const etcdctl = (args: readonly string[]): Promise<string> =>
  command('etcdctl', args, { env: { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ETCDCTL_'))), ETCDCTL_API: '3' } });

const lastWords = (error: unknown): string => {
  if (!(error instanceof CommandFailed)) throw error;
  return error.exitCode === 127 ? 'etcdctl is not installed (apt-get install etcd-client)' : (error.stderr.trim().split('\n').at(-1) ?? '');
};

/**
 * Saves a snapshot as `file`, from the first member that can give one. The member is asked for a linearizable read first, so that it has
 * everything that was acknowledged before. Resolves to its endpoint. Throws NoSnapshot.
 */
export const saveSnapshot = async ({ endpoints, tls }: EtcdAccess, file: string): Promise<string> => {
  const failures: string[] = [];
  for (const endpoint of endpoints) {
    const at = ['--endpoints', endpoint, ...(tls ? ['--cacert', tls.authority, '--cert', tls.certificate, '--key', tls.key] : [])];
    try {
      await etcdctl([...at, 'get', '--consistency=l', '--keys-only', '/berth/epoch']);
      await etcdctl([...at, 'snapshot', 'save', file]);
      return endpoint;
    } catch (error) {
      rmSync(`${file}.part`, { force: true });
      failures.push(`${endpoint}: ${lastWords(error)}`);
    }
  }
  throw new NoSnapshot(`no member of etcd gave a snapshot (${failures.join('; ')})`);
};

export interface NewMember {
  readonly name: string;
  readonly peerUrl: string;
  /** Must not exist. */
  readonly dataDir: string;
}

/**
 * Makes the folder of one member of a new etcd with the snapshot's content. All members are made from the same snapshot,
 * with the same list and token; another token makes another cluster, so that a member of before cannot come back into it.
 */
export const restoreMember = async (snapshot: string, member: NewMember, initialCluster: string, token: string): Promise<void> => {
  await etcdctl([
    'snapshot', 'restore', snapshot, '--data-dir', member.dataDir, '--name', member.name,
    '--initial-advertise-peer-urls', member.peerUrl, '--initial-cluster', initialCluster, '--initial-cluster-token', token,
  ]);
};
