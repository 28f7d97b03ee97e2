/** What the node's status says of the container runtime. A runtime that is away is an answer, not a failure. */
import type { RuntimeFacts } from './node-status.ts';
import type { CriRuntime } from './runtime/cri-runtime.ts';

/** The conditions that CRI knows; both must hold before pods can run. */
const needed: readonly string[] = ['RuntimeReady', 'NetworkReady'];

export const runtimeFacts = (runtime: CriRuntime): RuntimeFacts => ({
  async health() {
    try {
      const [version, { status }] = await Promise.all([runtime.call('Version', {}), runtime.call('Status', {})]);
      const missing = needed.map((type) => status?.conditions.find((condition) => condition.type === type)).filter((condition) => condition?.status !== true);
      return {
        version: `${version.runtime_name}://${version.runtime_version.replace(/~.*$/, '')}`,
        ready: missing.length === 0,
        message: missing.map((condition) => condition?.message ?? 'unknown').join('; '),
      };
    } catch (error) {
      return { version: 'containerd://unknown', ready: false, message: (error as Error).message };
    }
  },
  async images() {
    try {
      const { images } = await runtime.call('ListImages', {});
      return images.map((image) => ({ names: [...image.repo_digests, ...image.repo_tags], sizeBytes: Number(image.size) }));
    } catch {
      return [];
    }
  },
});
