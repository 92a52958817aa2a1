import { type ComponentChildren, h, type JSX } from "preact";

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  readonly align?: "right";
  /** Whether it is left out where there is little room. */
  readonly isMinor?: boolean;
}

interface TableProps<Row> {
  /** What it is a table of, for who does not see where it stands. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** What is said below a row, over its whole width; null: nothing. */
  readonly below?: (row: Row) => ComponentChildren;
}

/** Rows of things of a kind; the first cell says which one. */
export function Table<Row>({ label, columns, rows, keyOf, below }: TableProps<Row>): JSX.Element {
  const head = columns.map((column) =>
    h("th", { scope: "col", class: classOf(column) }, column.title),
  );
  const body = rows.map((row) => {
    const cells = columns.map((column, at) => cellOf(column, row, at));
    const more = below?.(row) ?? null;
    if (more === null) return h("tbody", { key: keyOf(row) }, h("tr", null, cells));
    const under = h("td", { colSpan: columns.length }, more);
    return h(
      "tbody",
      { key: keyOf(row) },
      h("tr", null, cells),
      h("tr", { class: "below" }, under),
    );
  });
  const table = h("table", null, [
    h("caption", { class: "unseen" }, label),
    h("thead", null, h("tr", null, head)),
    body,
  ]);
  // Who has no mouse scrolls it by the arrow keys.
  return h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": label }, table);
}

function cellOf<Row>(column: Column<Row>, row: Row, at: number): JSX.Element {
  const content = column.cell(row);
  if (at === 0) return h("th", { scope: "row", class: classOf(column) }, content);
  return h("td", { class: classOf(column) }, content);
}

function classOf<Row>({ align, isMinor }: Column<Row>): string {
  return [align === "right" ? "number" : "", isMinor ? "minor" : ""].join(" ").trim();
}
