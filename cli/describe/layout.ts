/** Descriptions as text: labels, aligned values, sections and tables, close to what `kubectl describe` prints. Pure. */
import { parseTimestamp } from '../../proto/process/clock.ts';
import { ageText } from '../duration.ts';
import { TableWriter } from '../table.ts';
import { printable } from '../terminal-text.ts';

/** Lines; a table; or a section of its own below the label. */
export type Value = string | readonly string[] | { readonly rows: readonly (readonly string[])[] } | { readonly entries: readonly Entry[] };

/** A label and what it says; undefined is left out. */
export type Entry = readonly [label: string, value: Value | undefined];

const indented = (text: string, by: number): string => text.replaceAll(/^(?=.)/gm, ' '.repeat(by));

const isLines = (value: Value): value is string | readonly string[] => typeof value === 'string' || Array.isArray(value);

/** A table's header is underlined, as kubectl does. */
const tableText = ([header = [], ...rows]: readonly (readonly string[])[]): string =>
  new TableWriter().format([header, header.map((title) => '-'.repeat(title.length)), ...rows]);

export const layOut = (entries: readonly Entry[]): string => {
  const shown = entries.flatMap(([label, value]) => (value === undefined ? [] : [{ label, value }]));
  const width = Math.max(0, ...shown.filter(({ value }) => isLines(value)).map(({ label }) => label.length)) + 2;
  return shown
    .map(({ label, value }) => {
      if (isLines(value)) {
        const [first = '<none>', ...more] = (typeof value === 'string' ? [value] : value).flatMap((text) => printable(text).split('\n'));
        return [`${`${label}:`.padEnd(width)} ${first}`, ...more.map((line) => `${' '.repeat(width)} ${line}`)].map((line) => `${line.trimEnd()}\n`).join('');
      }
      if ('rows' in value) return value.rows.length <= 1 ? `${`${label}:`.padEnd(width)} <none>\n` : `${label}:\n${indented(tableText(value.rows), 2)}`;
      return value.entries.length === 0 ? `${`${label}:`.padEnd(width)} <none>\n` : `${label}:\n${indented(layOut(value.entries), 2)}`;
    })
    .join('');
};

/** `name=value` lines, sorted; very long values (applied configurations) are cut. */
export const pairLines = (pairs: Readonly<Record<string, string>> | null | undefined, separator = '='): readonly string[] => {
  const charactersMax = 140;
  const lines = Object.entries(pairs ?? {})
    .filter(([name]) => name !== 'kubectl.kubernetes.io/last-applied-configuration')
    .map(([name, value]) => `${name}${separator}${String(value).trimEnd()}`)
    .map((line) => (line.length > charactersMax ? `${line.slice(0, charactersMax)}…` : line))
    .toSorted();
  return lines.length === 0 ? ['<none>'] : lines;
};

/** `Sat, 21 Nov 2026 00:49:09 UTC (3m ago)`. */
export const timeText = (time: string | undefined | null, nowMs: number): string | undefined => {
  const ms = parseTimestamp(time ?? undefined);
  return Number.isNaN(ms) ? undefined : `${new Date(ms).toUTCString().replace('GMT', 'UTC')} (${ageText(nowMs - ms)} ago)`;
};

/** How long ago, or `<unknown>`. */
export const sinceText = (time: string | undefined | null, nowMs: number): string => {
  const ms = parseTimestamp(time ?? undefined);
  return Number.isNaN(ms) ? '<unknown>' : ageText(nowMs - ms);
};

export interface ConditionLike {
  readonly type: string;
  readonly status: string;
  readonly reason?: string | null;
  readonly message?: string | null;
  readonly lastTransitionTime?: string | null;
}

/** Reasons and messages are columns only when some condition has them. */
export const conditionRows = (conditions: readonly ConditionLike[] | null | undefined, nowMs: number): Value => {
  const all = conditions ?? [];
  const explained = all.some(({ reason, message }) => reason || message);
  return {
    rows: [
      ['Type', 'Status', 'Since', ...(explained ? ['Reason', 'Message'] : [])],
      ...all.map(({ type, status, reason, message, lastTransitionTime }) => [
        type, status, sinceText(lastTransitionTime, nowMs), ...(explained ? [reason || '', message || ''] : []),
      ]),
    ],
  };
};
