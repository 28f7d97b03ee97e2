/** What the tables of all kinds are made of. */
import { parseTimestamp } from '../../proto/process/clock.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  /** `name` marks the column that identifies the row. */
  readonly format: '' | 'name';
  readonly description: string;
  /** 0 is always shown, 1 with `-o wide`. */
  readonly priority: 0 | 1;
}

export type Cell = string | number;

export interface KindTable<T extends KubeObject = KubeObject> {
  readonly columns: readonly Column[];
  cells(object: T, nowMs: number): Cell[];
}

export const column = (name: string, description: string, type: Column['type'] = 'string'): Column => ({
  name, type, format: '', description, priority: 0,
});

export const wide = (name: string, description: string, type: Column['type'] = 'string'): Column => ({
  ...column(name, description, type),
  priority: 1,
});

export const nameColumn: Column = { name: 'Name', type: 'string', format: 'name', description: 'Name of the object.', priority: 0 };
export const ageColumn = column('Age', 'Time since the object was created.');

/** What stands for nothing. */
export const none = '<none>';
export const unknown = '<unknown>';

/** Two units at most, the fewer the longer it is: as kubectl writes durations. */
export const shortDuration = (durationMs: number): string => {
  const seconds = Math.trunc(durationMs / 1000);
  if (!Number.isFinite(seconds)) return unknown;
  if (seconds < -1) return '<invalid>';
  if (seconds < 120) return `${Math.max(seconds, 0)}s`;
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  const years = Math.floor(days / 365);
  const two = (large: number, unit: string, small: number, smallUnit: string): string =>
    small === 0 ? `${large}${unit}` : `${large}${unit}${small}${smallUnit}`;
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return two(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  return years < 8 ? two(years, 'y', days % 365, 'd') : `${years}y`;
};

/** Time since an RFC 3339 time. */
export const since = (time: unknown, nowMs: number): string =>
  typeof time === 'string' && time ? shortDuration(nowMs - parseTimestamp(time)) : unknown;

export const ageOf = (object: KubeObject, nowMs: number): string => since(object.metadata.creationTimestamp, nowMs);

export const nameOf = (object: KubeObject): string => object.metadata.name ?? '';

export const joined = (texts: readonly (string | undefined)[]): string => texts.filter(Boolean).join(',') || none;
