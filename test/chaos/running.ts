/** What really runs on the nodes, asked of each one's containerd from outside. */
import { join } from 'node:path';
import { Cri } from '../../agent/runtime/cri.ts';
import { containerdSocket } from '../../cli/local/containerd.ts';
import { paths } from '../../cli/local/settings.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Sandbox } from './ownership.ts';

const callTimeoutMs = 5_000;

export class Running {
  readonly #nodes: ReadonlyMap<string, Cri>;

  constructor(dataDir: string, nodes: readonly string[], clock: Clock) {
    this.#nodes = new Map(nodes.map((node) => [node, new Cri(containerdSocket(join(paths(dataDir).run, node)), () => clock.nowMs())]));
  }

  /** Sandboxes that are up on all nodes, without those of a node whose containerd does not answer. */
  async sandboxes(): Promise<readonly Sandbox[]> {
    return (await Promise.all([...this.#nodes].map(([node, cri]) => this.#on(node, cri).catch(() => [])))).flat();
  }

  async #on(node: string, cri: Cri): Promise<readonly Sandbox[]> {
    const options = { timeoutMs: callTimeoutMs };
    const { items } = await cri.call('ListPodSandbox', {}, options);
    const up = items.filter(({ state }) => state === 'SANDBOX_READY');
    return (await Promise.all(up.map(async ({ id, metadata: { namespace, name, uid } }): Promise<Sandbox[]> => {
      // Gone meanwhile: then it is nobody's.
      const answer = await cri.call('PodSandboxStatus', { pod_sandbox_id: id }, options).catch(() => undefined);
      return answer?.status.state === 'SANDBOX_READY' ? [{ node, id, namespace, name, uid, address: answer.status.network?.ip ?? '' }] : [];
    }))).flat();
  }

  close(): void {
    for (const cri of this.#nodes.values()) cri.close();
  }
}
