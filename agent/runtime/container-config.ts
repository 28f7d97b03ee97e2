/** A container of a pod as CRI's container configuration. Pure. */
import type { Container, Pod } from '../../proto/resources/kubernetes.ts';
import type { ContainerConfig, CriMount } from './cri-messages.ts';
import { expand } from './env.ts';
import { containerNameLabel, imageAnnotation, imageIdAnnotation, messagePathAnnotation, messagePolicyAnnotation } from './labels.ts';
import { logPath } from './layout.ts';
import { containerResources } from './resources.ts';
import type { PulledImage } from './runtime.ts';
import { podLabels } from './sandbox-config.ts';
import { containerSecurity, type ImageUser } from './security.ts';

export interface ContainerSettings {
  readonly attempt: number;
  readonly image: PulledImage;
  readonly imageUser: ImageUser;
  readonly environment: ReadonlyMap<string, string>;
  readonly mounts: readonly CriMount[];
  readonly nodeMemoryBytes: number;
  readonly profilesDir: string;
}

/** Throws RuntimeFailure CreateContainerConfigError for what the pod's own rules forbid. */
export const containerConfig = (pod: Pod, container: Container, settings: ContainerSettings): ContainerConfig => {
  const { attempt, image, imageUser, environment, mounts, nodeMemoryBytes, profilesDir } = settings;
  const expanded = (texts: readonly string[] | undefined): string[] => (texts ?? []).map((text) => expand(text, environment));
  return {
    metadata: { name: container.name, attempt },
    image: { image: image.ref },
    command: expanded(container.command),
    args: expanded(container.args),
    working_dir: container.workingDir ?? '',
    envs: [...environment].map(([key, value]) => ({ key, value })),
    mounts,
    labels: { ...podLabels(pod), [containerNameLabel]: container.name },
    annotations: {
      [messagePathAnnotation]: container.terminationMessagePath ?? '/dev/termination-log',
      [messagePolicyAnnotation]: container.terminationMessagePolicy ?? 'File',
      [imageAnnotation]: container.image ?? '',
      [imageIdAnnotation]: image.imageId,
    },
    log_path: logPath(container.name, attempt),
    stdin: container.stdin ?? false,
    stdin_once: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: containerResources(pod, container, nodeMemoryBytes),
      security_context: containerSecurity(pod, container, imageUser, profilesDir),
    },
  };
};
