/** The pods of this node: one worker each. Fed by the session, reported through `onReport`. */
import type { Pod, PodStatus } from '../../proto/resources/kubernetes.ts';

export interface PodStatusReport {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly status: PodStatus;
  /** Nothing of the pod is left here. */
  readonly gone: boolean;
}

export interface PodEvent {
  readonly pod: Pod;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** `spec.containers{name}` where the event is about one container. */
  readonly fieldPath?: string;
}

/** What the session drives. */
export interface PodSink {
  /** All pods bound to this node. Until the first call nothing on the node is touched. */
  replace(pods: readonly Pod[]): void;
  upsert(pod: Pod): void;
  /** The object is gone from the API: kill what runs, at once if it must. */
  remove(uid: string): void;
}
