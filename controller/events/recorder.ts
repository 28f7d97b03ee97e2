/** Writes Events; equal ones within the window become one with a count. Never fails its caller and never blocks it. */
import type { KubeObject, ObjectReference } from '../../proto/resources/kubernetes.ts';

export type EventType = 'Normal' | 'Warning';

export interface EventSource {
  readonly component: string;
  readonly host?: string;
}

export interface Recorder {
  /** `reason` in UpperCamelCase, as in Kubernetes: `Scheduled`, `FailedScheduling`, `Killing`. */
  record(about: KubeObject | ObjectReference, type: EventType, reason: string, message: string, source: EventSource): void;
}
