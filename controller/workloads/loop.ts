/** What every loop of the elected leader looks like from outside, and what it is given. */
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { WriteOptions, Verbs } from '../api/verbs.ts';
import type { Recorder } from '../events/recorder.ts';
import type { Reader } from '../store/reader.ts';

export interface Loop {
  readonly name: string;
  /** Starts working and returns at once; stops, and writes nothing more, when `lost` aborts. May be started again afterwards. */
  start(lost: AbortSignal): void;
}

/** What a loop needs of the world. */
export interface LoopParts {
  readonly reader: Reader;
  readonly verbs: Verbs;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who a loop is to the API: its name is also the field manager of what it writes. */
export const writesAs = (loop: string, subresource?: string): WriteOptions => ({
  user: { name: `system:controller:${loop}`, groups: ['system:masters'] },
  fieldManager: loop,
  ...(subresource ? { subresource } : {}),
});
