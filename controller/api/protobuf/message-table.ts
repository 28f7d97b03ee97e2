/** Reads the notation of the message tables; see meta-messages.ts. */
import { kindMessages } from './kind-messages.ts';
import { metaMessages } from './meta-messages.ts';
import { podMessages } from './pod-messages.ts';
import { volumeMessages } from './volume-messages.ts';

export interface MessageField {
  /** The JSON name; for an inlined message its short type name. */
  readonly name: string;
  readonly inlined: boolean;
  /** Zero values of pointers are kept; those of other fields mean absence. */
  readonly pointer: boolean;
}

/** Field number -> field. */
export type Message = ReadonlyMap<number, MessageField>;

/** `name generateName 17:managedFields? @core.v1.VolumeSource` -> fields by number. */
export const parseMessage = (notation: string): Message => {
  const fields = new Map<number, MessageField>();
  let number = 0;
  for (const word of notation.split(' ')) {
    const [, explicit, at, name = '', pointer] = /^(?:(\d+):)?(@)?([\w.]+)(\?)?$/.exec(word) ?? [];
    number = explicit === undefined ? number + 1 : Number(explicit);
    fields.set(number, { name, inlined: at !== undefined, pointer: pointer !== undefined });
  }
  return fields;
};

/** Message (short type name such as `core.v1.Pod`) -> its notation. */
export const messageNotations: ReadonlyMap<string, string> = new Map(
  [metaMessages, podMessages, volumeMessages, kindMessages].flatMap((table) => Object.entries(table)),
);
