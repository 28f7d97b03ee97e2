/** Tables as the server makes them (meta.k8s.io/v1 Table), laid out for a terminal. */
import type { ObjectMeta } from '../proto/resources/kubernetes.ts';
import { printable } from './terminal-text.ts';

/** Asks for a Table, and for plain JSON where the server has none. */
export const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export interface ColumnDefinition {
  readonly name: string;
  /** 0 is always shown, 1 and above only when wide. */
  readonly priority: number;
}

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: { readonly metadata: ObjectMeta };
}

export interface Table {
  readonly kind: 'Table';
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly columnDefinitions: readonly ColumnDefinition[] | null;
  readonly rows: readonly TableRow[];
}

const gap = '   ';

const cellText = (cell: unknown): string => (cell === null || cell === undefined || cell === '' ? '<none>' : String(cell)).replaceAll('\n', ' ');

export interface TableLayout {
  readonly wide: boolean;
  readonly withNamespace: boolean;
  readonly withLabels: boolean;
  readonly withHeader: boolean;
  /** Put before each name: `deployment.apps/`. */
  readonly namePrefix: string;
}

const labelsText = (labels: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`).toSorted().join(',') || '<none>';

/** Rows of texts, the header first when wanted. */
const textRows = (columns: readonly ColumnDefinition[], rows: readonly TableRow[], layout: TableLayout): string[][] => {
  const shown = columns.map((column, index) => ({ column, index })).filter(({ column }) => layout.wide || column.priority === 0);
  const nameIndex = columns.findIndex((column) => column.name === 'Name');
  const header = [
    ...(layout.withNamespace ? ['NAMESPACE'] : []),
    ...shown.map(({ column }) => column.name.toUpperCase()),
    ...(layout.withLabels ? ['LABELS'] : []),
  ];
  const body = rows.map((row) => [
    ...(layout.withNamespace ? [row.object?.metadata.namespace ?? '<none>'] : []),
    ...shown.map(({ index }) => `${index === nameIndex ? layout.namePrefix : ''}${cellText(row.cells[index])}`),
    ...(layout.withLabels ? [labelsText(row.object?.metadata.labels)] : []),
  ]);
  return layout.withHeader ? [header, ...body] : body;
};

/** Columns aligned with spaces; keeps the widths that it has used, so that rows which come later line up. */
export class TableWriter {
  readonly #widths: number[] = [];

  format(texts: readonly (readonly string[])[]): string {
    const rows = texts.map((row) => row.map(printable));
    for (const row of rows) {
      for (const [index, cell] of row.entries()) this.#widths[index] = Math.max(this.#widths[index] ?? 0, cell.length);
    }
    return rows
      .map((row) => row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(this.#widths[index] ?? 0))).join(gap).trimEnd())
      .map((line) => `${line}\n`)
      .join('');
  }

  table(columns: readonly ColumnDefinition[], rows: readonly TableRow[], layout: TableLayout): string {
    return this.format(textRows(columns, rows, layout));
  }
}
